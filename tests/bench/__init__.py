"""Benchmarks: ``python -m tests.bench NAME...``. Commands that print tables; nothing here is a test.

In: which ones, and how many pairs. Out: for each row our number, the reference's, and the ratio of their medians. Ours
and the reference are measured in turns in one run, so that what else the machine does falls on both. A row whose
reference spreads over `measure.STEADY` times by itself decides nothing and says so. What cannot be measured here (no
Postfix, no C compiler) is said, not left out silently.
"""
