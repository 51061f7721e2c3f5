"""Hostile mail is taken apart in a process of its own, which has nothing that is worth stealing.

In: the bytes of one mail. Out: a `Structure`. The worker is exec'd once and then handles one mail after another: no
inherited descriptors, no environment, no network where the kernel allows to give it up, limits on memory, CPU time and
files. Bytes go in over a pipe and JSON with offsets comes out; nothing is pickled, and the answer is checked.

What failure means: `Unreadable` is the mail's fault and final. `MailFailed` means that the worker hung, died twice or
talked nonsense on this mail; it was killed, and the next mail gets a new one. `TemporaryError` means that no worker can
be started, which no mail is to blame for.
"""
