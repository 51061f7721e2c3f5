"""The command line: one module per noun, thin. Each reads arguments, calls a room below, and prints.

Exit codes: 0 fine, 1 a finding or a failure, 2 the command line or the config cannot be used. What a person should read
goes to stdout, errors to stderr; with ``--json`` stdout is JSON and nothing else.
"""
