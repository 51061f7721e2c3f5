"""mailbot: an email-driven intake bot for security response groups.

A mail's way through the program, which is also the reading order of the rooms::

    front MTA --SMTP/LMTP--> smtp.listener --seal--> INBOX      the only room that faces strangers; public key only
    INBOX --claim--> understand --> decide --> NOTICES          service.pipeline; gpg and parsing outside transactions
    NOTICES --claim--> compose --> OUTBOX                       service.notices; templates and gpg, then one transaction
    OUTBOX --> smtp.delivery --SMTP--> smarthost                per recipient, with retries
    clock rows --tick--> NOTICES                                jobs

``250`` is said only when the mail is durably in the inbox. From there on every step is a short transaction that
either happened or will be repeated with the same result; see docs/architecture.md.
"""

__version__ = "0.1.0"
