"""``python -m tests.fuzz``: reads mutated mails until the time is up; see `__main__`."""
