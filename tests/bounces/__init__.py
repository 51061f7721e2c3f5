"""Bounces in the dialects of some forty mail systems, made from their shapes; none is a copy of a real one.

`dialects.py` writes them, `reports.py` writes reports that sound like bounces; the tests hold the bot to both.
"""
