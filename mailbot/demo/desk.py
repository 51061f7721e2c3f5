"""One person's keys and mail program: writes encrypted mail, and shows a mail as a person sees it.

A mail program is played with the bot's own reading of MIME and OpenPGP, but with the person's own GnuPG home, so a mail
that is shown here was opened with nothing that the person does not have.
"""

from dataclasses import dataclass
from pathlib import Path

from mailbot.demo.cast import Person
from mailbot.errors import PermanentError
from mailbot.mail.parse import content, parse
from mailbot.mail.protected_headers import payload_part, protected
from mailbot.mail.structure import Structure
from mailbot.openpgp import verdict
from mailbot.openpgp.keys import generate
from mailbot.openpgp.process import SIDE, Gnupg, remove_sockets, stop_agent
from mailbot.service.ports import Signature, Verdict


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail as its receiver sees it."""

    sender: str
    subject: str
    """The protected one, where the mail has one."""
    outer_subject: str
    """The one that every mail system on the way could read."""
    encrypted: bool
    signature: str
    """``good`` only for the group's key; else what is wrong with it."""
    text: str
    attachments: tuple[str, ...]


class Desk:
    def __init__(self, person: Person, home: Path) -> None:
        self.person = person
        self.fingerprint = ""
        self._home = home
        self._gnupg = Gnupg(home)
        self._group_key = ""

    def make_key(self) -> None:
        """Raises `GpgUnusable`."""
        self.fingerprint = generate(self._home, self.person.name, self.person.address, None)

    def public_key(self) -> bytes:
        return self._gnupg.run(["--armor", "--export", self.fingerprint]).output

    def meet(self, group_key: str, armored: bytes) -> None:
        """Take the group's public key into the own keyring."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._gnupg.run(["--import"], [armored])
        self._group_key = group_key

    def seal(self, data: bytes) -> bytes:
        """Sign, and encrypt to the group; armored. Raises `PermanentError`."""
        result = self._gnupg.run(
            ["--armor", "--sign", "--local-user", self.fingerprint, "--encrypt", "--recipient", self._group_key],
            [data],
            crlf=True,
        )
        if result.returncode != 0:
            raise PermanentError(f"{self.person.name} could not encrypt to the group's key")
        return result.output

    def show(self, raw: bytes) -> Shown:
        """Raises `PermanentError` if the mail cannot be read."""
        outside = parse(raw)
        root = outside.root
        if root.content_type == "multipart/encrypted":
            opened = verdict.decryption(self._gnupg.run(["--decrypt"], [content(raw, root.children[1])]))
            if opened.plaintext is None:
                raise PermanentError(f"{self.person.name} cannot open a mail: {opened.outcome}")
            return self._shown(outside, parse(opened.plaintext), opened.signature, encrypted=True)
        signature = Signature()
        if root.content_type == "multipart/signed":
            part = payload_part(outside)
            result = self._gnupg.run(
                ["--verify", "--", SIDE, "-"], [raw[part.start : part.end]], side=content(raw, root.children[1])
            )
            signature = verdict.signature(result)
            return self._shown(outside, parse(raw[part.start : part.end]), signature, encrypted=False)
        return self._shown(outside, outside, signature, encrypted=False)

    def _shown(self, outside: Structure, inside: Structure, signature: Signature, *, encrypted: bool) -> Shown:
        covered = protected(inside)
        foreign = signature.good and signature.fingerprint != self._group_key
        return Shown(
            sender=(covered.header("From") if covered else "") or outside.header("From"),
            subject=(covered.header("Subject") if covered else "") or outside.header("Subject"),
            outer_subject=outside.header("Subject"),
            encrypted=encrypted,
            signature="good, but by a key that is not the group's" if foreign else Verdict(signature.verdict).value,
            text=inside.text,
            attachments=tuple(part.filename or part.content_type for part in inside.attachments),
        )

    def close(self) -> None:
        stop_agent(self._home)
        remove_sockets(self._home)
