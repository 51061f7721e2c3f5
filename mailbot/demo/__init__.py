"""The whole story on one machine: `mailbot demo` plays reporters, members and a mail server around a real bot.

In comes an empty scratch directory, out comes a `Playbill`: every step, every mail that somebody received and how
their mail program shows it, and what was expected and is missing. `cast` says who plays, `desk` is one person's mail
program and keys, `reports` are the mails that start it, `sink` is the mail server that catches what the bot sends,
`installation` is the bot (``mailbot init``, ``mailbot serve``), `story` plays it, `page` prints it.

Nothing outside the scratch directory is touched, and nothing is sent to any machine but this one. What goes wrong on
the way is an entry of `Playbill.missing`, so that what did arrive can still be shown.
"""
