"""What mailbot knows about issues, clocks and the people around them: pure rules.

In come plain values, policies and `now`; out go new values. No I/O, no settings, no clock of its own.
"""
