"""The few error classes that cross rooms.

Every failure is temporary (try again later, the cause is outside the mail) or permanent (trying again changes nothing).
An error that says neither is treated as temporary. What a peer on the network reads is always generic text; the cause
stays in the exception chain and goes to the log without any content of a mail.
"""


class MailbotError(Exception):
    """Base of all errors that mailbot raises on purpose."""

    temporary = True


class TemporaryError(MailbotError):
    """The cause is outside the mail (disk, database, gpg missing): retrying later may succeed."""


class PermanentError(MailbotError):
    """The cause is the mail or the request itself: retrying gives the same result."""

    temporary = False


class MailFailed(MailbotError):
    """This one mail made its handling fail (gpg hung on it, the parser died): it counts towards quarantine."""


class ClaimLost(TemporaryError):
    """Somebody else took the row over while we worked on it; our result must be thrown away."""


class UsageError(PermanentError):
    """What a person typed cannot be carried out; the text says why and what is accepted."""


class ConfigError(PermanentError):
    """The config cannot be used. The text names file, key, what was found and what is allowed."""
