"""The story itself: who does what, in which order, and what must come of it."""

import smtplib
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from mailbot.demo import cast, evidence, reports
from mailbot.demo.cast import CAST, GROUP_ADDRESS, MEMBERS, OTTO, PREFIX, RITA, Expected, Person
from mailbot.demo.desk import Desk
from mailbot.demo.installation import ESCALATE_SECONDS, REMIND_SECONDS, Installation
from mailbot.demo.playbill import Playbill, Received, Step, labelled
from mailbot.demo.sink import Caught, Sink
from mailbot.errors import MailbotError, TemporaryError

PATIENCE_SECONDS = 10.0
"""For mails, after they are due. They take under one on an idle machine."""
GROUP_LOCAL, GROUP_DOMAIN = GROUP_ADDRESS.split("@")
PLAIN, ENCRYPTED = f"{PREFIX}-1", f"{PREFIX}-2"
"""The issues that the plain and the encrypted report open: the second is sent when the first is acknowledged."""


class NotReceived(TemporaryError):
    """Mails that did not come in time."""

    def __init__(self, mails: Iterable[Expected]) -> None:
        self.mails = sorted(f"not received in time: {mail}" for mail in mails)
        super().__init__("; ".join(self.mails))


class Narrator(Protocol):
    """Who tells it while it happens."""

    def doing(self, what: str) -> None: ...

    def done(self, step: Step) -> None: ...

    def mails(self, arrived: int) -> None:
        """So many have arrived in all. Called from whichever thread waits for them."""
        ...


class Story:
    """Plays in `scratch`, an empty directory. What goes wrong is in the playbill; only bugs are raised."""

    def __init__(self, scratch: Path, narrator: Narrator) -> None:
        self.playbill = Playbill()
        self.log = scratch / "bot.log"
        self._scratch = scratch
        self._bot = Installation(scratch, self.log)
        self._narrator = narrator
        self._started = time.monotonic()
        self._desks = {person: Desk(person, scratch / "people" / person.id) for person in CAST}
        self._accepted: dict[str, datetime] = {}
        self._awaited: frozenset[Expected] = frozenset()

    def play(self) -> Playbill:
        with ExitStack() as stack:
            for desk in self._desks.values():
                stack.callback(desk.close)
            stack.callback(self._bot.close)
            sink = stack.enter_context(Sink())
            stack.callback(self._bot.stop)
            try:
                self._prepare(sink)
                self._act(sink)
            except NotReceived as error:
                self.playbill.missing += error.mails
            except MailbotError as error:
                self.playbill.missing.append(str(error))
            self._finish(sink)
        self.playbill.seconds = time.monotonic() - self._started
        return self.playbill

    def _prepare(self, sink: Sink) -> None:
        """An installation, keys for everybody who has one, and a running bot."""
        self._narrator.doing("making an installation, and everybody's keys")
        owners = [desk for desk in self._desks.values() if desk.person.has_key]
        with ThreadPoolExecutor() as pool:
            initialized = pool.submit(self._bot.init)
            list(pool.map(Desk.make_key, owners))
            group_key = initialized.result()
            self._done(
                "an installation: config, the group's key, a database",
                f"mailbot init DIR --address {GROUP_ADDRESS} --prefix {PREFIX} ...",
            )
            self._narrator.doing("exchanging keys")
            self._bot.configure(sink.port, {desk.person.id: desk.fingerprint for desk in owners})
            members = self._scratch / "members.asc"
            members.write_bytes(b"".join(desk.public_key() for desk in owners if desk.person in MEMBERS))
            imported = pool.submit(self._bot.command, "key", "import", str(members))
            exported = self._bot.command("key", "export").encode()
            list(pool.map(lambda desk: desk.meet(group_key, exported), self._desks.values()))
            imported.result()
        self._done("the bot has the members' keys, and everybody has the group's", "mailbot key import members.asc")
        self._narrator.doing("starting the bot")
        self._bot.serve()
        self._done(f"the bot listens on 127.0.0.1, port {self._bot.port}", "mailbot serve")

    def _act(self, sink: Sink) -> None:
        self._report(sink, RITA, PLAIN, "a plain report", reports.plain())
        self._report(sink, OTTO, ENCRYPTED, "a report, signed and encrypted", reports.encrypted(self._desks[OTTO]))
        self._narrator.doing("nobody answers; meanwhile the operator looks around")
        self.playbill.operator["mailbot check"] = self._bot.command("check")
        self._narrator.doing(f"nobody answers; the reminder is due after {REMIND_SECONDS} s")
        self._wait(sink, cast.reminded(PLAIN) | cast.reminded(ENCRYPTED), REMIND_SECONDS)
        self._done("no answer yet: the members are reminded")
        self._narrator.doing(f"nobody answers; the escalation is due after {ESCALATE_SECONDS} s")
        self._wait(
            sink, cast.escalated(PLAIN, RITA) | cast.escalated(ENCRYPTED, OTTO), ESCALATE_SECONDS - REMIND_SECONDS
        )
        self._done("no answer yet: escalated to the contact, the members, the reporters")
        alice = self._desks[cast.ANSWERING]
        self._command(sink, "/claim", reports.command(alice, PLAIN, reports.CLAIM, "claim"), cast.claimed(PLAIN))
        self._done(f"{alice.person.name} signs one line, /claim: {PLAIN} is hers, and the others know")
        self._command(
            sink, "/reply", reports.command(alice, PLAIN, reports.ANSWER, "answer"), cast.answered(PLAIN, RITA)
        )
        self._done(
            f"{alice.person.name} types /reply and her answer: {RITA.name} has it, and nothing else of that mail"
        )
        self._narrator.doing("the operator looks around")
        with ThreadPoolExecutor() as pool:
            asked = {line: pool.submit(self._bot.command, *line.split()[1:]) for line in evidence.OPERATOR_ASKS}
            self.playbill.operator |= {line: answer.result() for line, answer in asked.items()}

    def _command(self, sink: Sink, verb: str, raw: bytes, expected: frozenset[Expected]) -> None:
        """Hand a member's mail to the bot, and wait for what comes of it."""
        author = cast.ANSWERING
        self._narrator.doing(f"{author.name} mails {verb}")
        self._hand_in(author, f"a mail with {verb}", raw, f"{GROUP_LOCAL}+{PLAIN.partition('-')[2]}@{GROUP_DOMAIN}")
        self._wait(sink, expected, 0)

    def _report(self, sink: Sink, author: Person, issue: str, what: str, raw: bytes) -> None:
        """Hand a report to the bot, and wait for what it brings about."""
        self._narrator.doing(f"{author.name} mails {what}")
        took = self._hand_in(author, what, raw, GROUP_ADDRESS)
        self._accepted[issue] = datetime.now(UTC)
        self._done(f"{author.name} mails {what}: stored after {took * 1000:.0f} ms")
        self._narrator.doing("waiting for the acknowledgement and the relays")
        self._wait(sink, cast.at_once(issue, author), 0)
        self._done(f"{issue}: {author.name} has an acknowledgement, the members have the report")

    def _hand_in(self, author: Person, what: str, raw: bytes, recipient: str) -> float:
        """Give the bot one mail. Returns how many seconds that took; raises `TemporaryError` if it was not taken."""
        before = time.monotonic()
        try:
            # Named, because smtplib would ask the resolver for this machine's name.
            smtp = smtplib.SMTP("127.0.0.1", self._bot.port, local_hostname="mx.example.org", timeout=10)
            try:
                smtp.sendmail(author.address, [recipient], raw)
                took = time.monotonic() - before
                smtp.quit()
            finally:
                # Not by `with`: after Ctrl-C it would still say QUIT, and raise another error for the answer.
                smtp.close()
        except (OSError, smtplib.SMTPException) as error:
            raise TemporaryError(f"the bot did not take {what}: {error}") from error
        return took

    def _wait(self, sink: Sink, expected: frozenset[Expected], due: float) -> None:
        """Wait for mails that are due in `due` seconds. Raises `NotReceived`."""
        self._awaited |= expected

        def complete(caught: list[Caught]) -> bool:
            self._narrator.mails(len(caught))
            return not self._outstanding(caught)

        if not sink.wait(complete, due + PATIENCE_SECONDS):
            raise NotReceived(self._outstanding(sink.caught))

    def _outstanding(self, caught: list[Caught]) -> frozenset[Expected]:
        return self._awaited - {label for _, label in labelled(caught) if label is not None}

    def _finish(self, sink: Sink) -> None:
        """Stop the bot, and look at what everybody got."""
        bill = self.playbill
        if self._bot.running:
            self._narrator.doing("stopping the bot")
            trouble = self._bot.stop()
            if trouble:
                bill.missing.append(trouble)
            else:
                self._done("told to stop, the bot finishes its work and ends with exit code 0")
        self._narrator.doing("opening everybody's mail")
        for caught, expected in labelled(sink.caught):
            person = next((one for one in CAST if one.address == caught.recipient), None)
            if person is None or expected is None:
                bill.missing.append(f"a mail too many, to {caught.recipient}")
            if person is None:
                continue
            try:
                shown = self._desks[person].show(caught.raw)
            except MailbotError as error:
                bill.missing.append(str(error))
                continue
            start = self._accepted.get(expected.issue, caught.at) if expected else caught.at
            after = max(0.0, (caught.at - start).total_seconds())
            bill.received.append(Received(person, expected, caught.at, after, shown, caught.raw))
        if bill.received:
            bill.checks += evidence.gathered(bill.received, self._bot.files(), bill.operator)

    def _done(self, text: str, command: str = "") -> None:
        step = Step(time.monotonic() - self._started, text, command)
        self.playbill.steps.append(step)
        self._narrator.done(step)
