"""The use cases: understand a mail, decide what it means, compose what people get, act when a clock is due.

In come claimed rows and values; out go decisions recorded in one short transaction each. The outside world (database,
gpg, the parser process) stands behind `ports`. Three tables are the map: `router.ROUTES` says what each mail is,
`handlers` what then happens, `notices.NOTICES` who is told and how.
"""
