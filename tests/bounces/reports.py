"""Fifty reports that sound like bounces. Every one is somebody's work, and must reach the members."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bounces.dialects import DAEMON, exim, postfix, qmail
from tests.bounces.making import REASONS, Returned, head, parts, plain

TITLES = (
    "Delayed free in the parser leads to use after free",
    "access denied is not enforced for /admin",
    "550 5.1.1 in a server's answer overflows a buffer in your SMTP client",
    "Undelivered Mail Returned to Sender: header injection",
    "Delivery Status Notification (Failure) is rendered as HTML",
    "failure notice",
    "Returned mail: see transcript for details",
    "Mail delivery failed: returning message to sender",
    "Warning: could not send message for past 4 hours",
    "Out of office replies leak internal names",
    "Mailbox full condition is not handled (552)",
    "User unknown: timing difference reveals accounts",
    "Automatic reply parser: stack overflow",
    "Undeliverable: crash in MIME parser",
    "Unzustellbar: Pufferüberlauf im Bounce-Parser",
    "Non remis : dépassement de tampon",
    "Permanent failure of the permission check",
    "Message could not be delivered to sandboxed process: race",
    "returned to sender: integer overflow in address_t",
    "Delay loop in retry logic burns CPU",
    "rejected by policy, but executed all the same",
    "DSN parser out of bounds read",
    "unsubscribe link allows CSRF",
    "Vacation responder: XSS in subject",
    "The following addresses had permanent fatal errors",
)
BODIES = (
    "Hi. This is the qmail-send program at x. Your copy of it crashes on <{a}>:\nSorry, no mailbox here by that name. (#5.1.1)\n",
    "Delivery to the following recipient failed permanently:\n\n     {a}\n\nis what an attacker makes it print.\n",
    "<{a}>: host mx said: 550 5.7.1 access denied (in reply to RCPT TO command)\n\nThat line is parsed as a format string.\n",
    "Action: failed\nStatus: 5.1.1\nFinal-Recipient: rfc822; {a}\n\nwithout a blank line makes the DSN code read behind its buffer.\n",
    "   ----- The following addresses had permanent fatal errors -----\n<{a}>\n\nis copied with strcpy().\n",
    "Your message did not reach some or all of the intended recipients.\nThe following recipient(s) could not be reached:\n\n      {a} on 1/1/2026\n\n-> heap overflow in the reader of these.\n",
)
AUTHORS = (
    ("Postmaster of a provider <postmaster@provider.example>", "postmaster@provider.example"),
    ("Rosa <rosa@university.example>", "rosa@university.example"),
    ('"Mail Delivery Subsystem" <research@out.example>', "research@out.example"),
    ("mailer-daemon-fuzzing@out.example", "mailer-daemon-fuzzing@out.example"),
    ("Bounce Buster <bounces@out.example>", "bounces+rosa=x@out.example"),
)


@dataclass(frozen=True, slots=True)
class Report:
    raw: str
    reverse_path: str

    def wire(self) -> bytes:
        return self.raw.replace("\n", "\r\n").encode()


def reports(returned: Returned) -> Iterator[Report]:
    """`returned` is a mail of ours, of which some hold a copy."""
    for number, title in enumerate(TITLES):
        author, reverse_path = AUTHORS[number % len(AUTHORS)]
        text = BODIES[number % len(BODIES)].format(a=f"victim{number}@out.example")
        yield Report(head(author, "security@example.org", title) + plain(text), reverse_path)
    for number, (bounce, text) in enumerate(_attached(returned)):
        # A real bounce, as evidence: attached, in the text, under a title of its own.
        author, reverse_path = AUTHORS[(number + 1) % len(AUTHORS)]
        top = head(author, "security@example.org", TITLES[-number - 1])
        status = "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\nStatus: 5.1.1\nFinal-Recipient: rfc822; a@x\n"
        for body in (
            parts("mixed", plain(text), f"Content-Type: message/rfc822\n\n{bounce}"),
            plain(f"{text}\n\n" + "\n".join(f"> {line}" for line in bounce.splitlines())),
            plain(f"{text}\n\n{bounce}"),
            parts("mixed", plain(text), status, f"Content-Type: message/rfc822\n\n{returned.raw}"),
            parts("mixed", plain(text), f"Content-Type: text/rfc822-headers\n\n{returned.head}"),
        ):
            yield Report(top + body, reverse_path)


def _attached(returned: Returned) -> Iterator[tuple[str, str]]:
    for reason, dialect in zip(REASONS, (postfix, qmail, exim, postfix), strict=True):
        yield (
            next(dialect(returned, reason)).raw,
            f"Your mail system answers with this, and leaks memory in it ({DAEMON}).",
        )
    yield (
        next(qmail(returned, REASONS[0])).raw,
        "550 5.1.1: the bounce below shows that the bot can be made to send to anybody.",
    )
