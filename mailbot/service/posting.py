"""From a letter and its recipients to finished mails: who gets it encrypted, who in clear, who only a notice.

Members share one ciphertext (or get one each, `relay.encrypt`). Content never goes out weaker than the config allows:
a member without a usable key gets what `relay.keyless` says, and the others are told.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

from mailbot.config import Settings
from mailbot.mail import compose, fields, letters, openpgp_mime
from mailbot.mail.entity import Entity
from mailbot.mail.letters import Letter, Missing
from mailbot.mail.templates import Rendered, Writer
from mailbot.service.audiences import Recipient
from mailbot.service.enclosures import Enclosures
from mailbot.service.heads import Heads
from mailbot.service.ports import OpenPGP, UnusableKeys
from mailbot.service.store import ClaimedNotice, Draft, ReporterKey
from mailbot.service.tokens import SHARED_IDS, Tokens

SIDE_BY_SIDE = min(8, os.cpu_count() or 1)
"""Copies that are encrypted at once: each keeps a core busy."""

KEY_TRIES = 3
"""Failures after which mail to an outsider, which holds nothing confidential, goes out without their key: a stranger
made that key, and gpg may crash or hang on it for ever."""

# Numbers of one notice's mails that share a Message-ID; those to outsiders follow.
_TOGETHER, _CLEAR, _NOTICE_ONLY = range(SHARED_IDS)
_SINGLE = SHARED_IDS


# Mail that tells how to encrypt to the group.
_WITH_KEY = ("key", "acknowledgement_unreadable")


_OWN_WORDS = ("confirm",)
"""Mail that holds nothing but what its recipient wrote in clear: it is the same whatever key they have."""


def loop_message_id(tokens: Tokens, notice: int) -> str:
    """The Message-ID of the mail to ourselves that `mailbot check --send` has made with a notice."""
    return tokens.message_id(notice, _SINGLE)


class Manner(Enum):
    """How a notice is sent."""

    MEMBERS = "encrypted to members"
    OUTSIDE = "signed, in clear, without anything internal"
    PARTICIPANTS = "what a member wrote to them: encrypted, and in clear only where the report came so"


@dataclass(frozen=True, slots=True)
class _Shared:
    """One body for several recipients."""

    head_fields: tuple[fields.Field, ...]
    entity: Entity
    message_id: str
    encrypted: bool


class Poster:
    """Makes the mails of one notice."""

    def __init__(
        self, settings: Settings, tokens: Tokens, openpgp: OpenPGP, templates: Writer, claim: ClaimedNotice,
        *, root: int | None, issue_encrypted: bool, relayed_as: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """`root` is the notice that opened the issue for members: their mails thread under its Message-ID.
        `issue_encrypted`: the report came encrypted, so that not even its title may go out in clear.
        `relayed_as`: under which Message-IDs the report went through other mailbots, which know their own by them."""
        self._heads = Heads(settings, tokens, claim, root, relayed_as)
        self._issue_encrypted = issue_encrypted
        self._settings = settings
        self._tokens = tokens
        self._openpgp = openpgp
        self._templates = templates
        self._claim = claim
        self._through: str | None = None
        """The list that mail to members goes through, if it does."""

    # To members

    def members(
        self, write: Callable[[tuple[Missing, ...]], Letter], recipients: Sequence[Recipient],
        enclosed: Enclosures, phrase: str, *, first_seq: int = 0, clear: Letter | None = None,
    ) -> list[Draft]:  # fmt: skip
        """`phrase` is what a member without a usable key is told has happened; they get `clear` in place of that, if
        there is a letter in which nothing is confidential. Recipients with a key of their own are experts from outside,
        who see what members see or nothing."""
        experts = [one for one in recipients if one.key is not None]
        closed = tuple(Missing(one.address, "unusable", "nothing") for one in experts if not self._reachable(one))
        recipients = [one for one in recipients if one.key is None]
        refused: frozenset[str] = frozenset()
        to_list = bool(recipients) and recipients[0].member_id is None
        self._through = self._settings.relay.list_address if to_list else None
        while True:
            sealed = [one for one in recipients if self._lacks(one, refused) is None]
            keyless = [(one, why) for one in recipients if (why := self._lacks(one, refused)) is not None]
            got = self._keyless_get(clear)
            missing = tuple(Missing(one.member_id or one.address, why, got) for one, why in keyless)
            rendered = self._templates.write(write(missing + closed))
            try:
                drafts = self._sealed(rendered, sealed, enclosed, first_seq)
            except UnusableKeys as error:
                if not error.fingerprints - refused:
                    raise
                refused |= error.fingerprints  # expired or revoked between our look and gpg's
                continue
            open_ = rendered if clear is None else self._templates.write(clear)
            drafts += self._keyless(open_, keyless, got, enclosed, phrase, first_seq + len(drafts))
            if len(closed) < len(experts):
                drafts += self._experts(self._templates.write(write(())), experts, enclosed, first_seq + len(drafts))
            return drafts

    def _reachable(self, expert: Recipient) -> bool:
        """Whether mail can be encrypted to an expert now."""
        if expert.key is None or self._claim.failures >= KEY_TRIES:
            return False
        with self._openpgp.with_keys([expert.key.armor]) as once:
            info = once.info(expert.key.fingerprint)
            return info is not None and info.usable(self._claim.created_at)

    def _experts(
        self, rendered: Rendered, experts: Sequence[Recipient], enclosed: Enclosures, first_seq: int
    ) -> list[Draft]:
        """What members read, to each expert alone, from the public address and under the header of outsiders' mail."""
        drafts: list[Draft] = []
        for expert in experts:
            seq = first_seq + len(drafts)
            seed = self._tokens.seed(self._claim.id, seq)
            parts = [compose.text_part(rendered.body), *enclosed.sealed()]
            content = compose.mixed(parts, seed) if len(parts) > 1 else parts[0]
            outer = self._heads.outside(rendered.outer, expert, _SINGLE + seq)
            inner = [(name, rendered.subject if name == "Subject" else value) for name, value in outer]
            sealed = self._sealed_to(expert.key, content, inner, outer, seed) if self._reachable(expert) else None
            if sealed is not None:
                shared = _Shared(tuple(outer), sealed, self._heads.message_id(_SINGLE + seq), encrypted=True)
                drafts += self._copies(shared, [expert], seq)
        return drafts

    def _lacks(self, recipient: Recipient, refused: frozenset[str]) -> str | None:
        """Why this recipient cannot be encrypted to, as `Missing.reason`; None if they can."""
        if recipient.fingerprint is None:
            return "none"
        info = self._openpgp.info(recipient.fingerprint)
        if info is None:
            return "unknown"
        if info.revoked:
            return "revoked"
        if info.expires_at is not None and info.expires_at <= self._claim.created_at:
            return "expired"
        if recipient.fingerprint in refused or not info.usable(self._claim.created_at):
            return "unusable"
        return None

    def _keyless_get(self, clear: Letter | None) -> str:
        """What members without a usable key get of this notice, as `Missing.got`."""
        keyless = self._settings.relay.keyless
        if self._claim.event in _OWN_WORDS:
            return "content"
        if keyless == "nothing":
            return "nothing"
        if clear is not None:
            return "content"
        in_clear = not self._claim.params.get("opened") and not self._issue_encrypted
        return "content" if keyless == "always" or (keyless == "plain" and in_clear) else "notice"

    def _sealed(
        self, rendered: Rendered, recipients: Sequence[Recipient], enclosed: Enclosures, first_seq: int
    ) -> list[Draft]:
        if not recipients:
            return []
        inner = self._heads.internal(rendered.subject, _TOGETHER, self._through)
        outer = self._heads.internal(rendered.outer, _TOGETHER, self._through)
        content = compose.text_part(rendered.body)
        attached = enclosed.sealed()
        seed = self._tokens.seed(self._claim.id, 0)
        content = compose.mixed([content, *attached], seed) if attached else content
        root = openpgp_mime.protect_cipher(content, inner, outer)
        fingerprints = [one.fingerprint for one in recipients if one.fingerprint]
        if self._settings.relay.encrypt == "together" or len(recipients) == 1:
            groups, armored = [recipients], [self._openpgp.encrypt(root.pieces(), fingerprints)]
        else:
            groups, armored = [[one] for one in recipients], self._one_each(root, fingerprints, seed)
        drafts: list[Draft] = []
        for group, ciphertext in zip(groups, armored, strict=True):
            entity = openpgp_mime.encrypted(ciphertext, self._tokens.seed(self._claim.id, len(drafts)))
            shared = _Shared(tuple(outer), entity, self._heads.message_id(_TOGETHER), encrypted=True)
            drafts += self._copies(shared, group, first_seq + len(drafts))
        return drafts

    def _one_each(self, root: Entity, fingerprints: Sequence[str], seed: bytes) -> list[bytes]:
        """One ciphertext per key around one signature (RFC 3156 6.1).

        gpg's agent does private-key operations one after the other, and every copy says the same: so there is one.
        Encrypting needs no agent, and runs side by side.
        """
        made = self._openpgp.sign(b"".join(root.pieces()))
        pieces = openpgp_mime.signed(root, made.armored, made.micalg, seed, inside_encryption=True).pieces()
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return list(pool.map(lambda one: self._openpgp.encrypt(pieces, [one], sign=False), fingerprints))

    def _keyless(
        self, rendered: Rendered, keyless: Sequence[tuple[Recipient, str]], got: str, enclosed: Enclosures,
        phrase: str, first_seq: int,
    ) -> list[Draft]:  # fmt: skip
        if got == "nothing" or not keyless:
            return []
        if got == "content":
            parts = [compose.text_part(rendered.body), *enclosed.clear()]
            seed = self._tokens.seed(self._claim.id, first_seq)
            entity = compose.mixed(parts, seed) if len(parts) > 1 else parts[0]
            head_fields = self._heads.internal(rendered.outer, _CLEAR, self._through)
            shared = _Shared(
                tuple(head_fields),
                self._signed(entity, head_fields, seed),
                self._heads.message_id(_CLEAR),
                encrypted=False,
            )
            return self._copies(shared, [one for one, _ in keyless], first_seq)
        drafts = []
        for seq, (recipient, reason) in enumerate(keyless, start=first_seq):
            letter = letters.Keyless(
                group=self._settings.group.name, now=self._claim.created_at,
                issue=self._about, event=phrase, reason=reason,
                fingerprint=recipient.fingerprint or "", operators=self._settings.operators.addresses,
            )  # fmt: skip
            told = self._templates.write(letter)
            seed = self._tokens.seed(self._claim.id, seq)
            head_fields = self._heads.internal(told.outer, _NOTICE_ONLY, self._through)
            entity = self._signed(compose.text_part(told.body), head_fields, seed)
            shared = _Shared(tuple(head_fields), entity, self._heads.message_id(_NOTICE_ONLY), encrypted=False)
            drafts += self._copies(shared, [recipient], seq)
        return drafts

    @property
    def _about(self) -> str:
        """The issue as people see it, or what ids begin with."""
        group = self._settings.group
        return group.id_prefix if self._claim.issue is None else self._settings.issue_id(self._claim.issue)

    # To everybody else

    def outside(self, letter: Letter, recipients: Sequence[Recipient]) -> list[Draft]:
        """One signed mail to each, with nothing internal or confidential in it; encrypted where the recipient's key is
        known and can be used."""
        rendered = self._templates.write(letter)
        parts = [compose.text_part(rendered.body)]
        if self._claim.event in _WITH_KEY:
            parts.append(compose.key_part(self._openpgp.group_key(), "group-key.asc"))
        drafts: list[Draft] = []
        for seq, recipient in enumerate(recipients):
            seed = self._tokens.seed(self._claim.id, seq)
            content = compose.mixed(parts, seed) if len(parts) > 1 else parts[0]
            head_fields = self._heads.outside(rendered.outer, recipient, _SINGLE + seq)
            sealed = None
            if recipient.key is not None and self._claim.failures < KEY_TRIES:
                sealed = self._sealed_to(recipient.key, content, head_fields, head_fields, seed)
            entity = sealed or self._signed(content, head_fields, seed)
            shared = _Shared(
                tuple(head_fields), entity, self._heads.message_id(_SINGLE + seq), encrypted=sealed is not None
            )
            drafts += self._copies(shared, [recipient], seq)
        return drafts

    def participants(self, letter: Letter, recipients: Sequence[Recipient]) -> tuple[list[Draft], list[Recipient]]:
        """What a member wrote, to each by themselves. Returns the mails, and those whom it cannot be sent to: their key
        cannot be used, or there is none and the report came encrypted. Nothing falls back to clear."""
        rendered = self._templates.write(letter)
        content = compose.text_part(rendered.body)
        drafts: list[Draft] = []
        unsent: list[Recipient] = []
        for recipient in recipients:
            seq = len(drafts)
            seed = self._tokens.seed(self._claim.id, seq)
            head_fields = self._heads.outside(rendered.outer, recipient, _SINGLE + seq)
            entity = None
            if recipient.key is not None and self._claim.failures < KEY_TRIES:
                entity = self._sealed_to(recipient.key, content, head_fields, head_fields, seed)
            elif recipient.key is None and not self._issue_encrypted:
                entity = self._signed(content, head_fields, seed)
            if entity is None:
                unsent.append(recipient)
                continue
            encrypted = recipient.key is not None
            shared = _Shared(tuple(head_fields), entity, self._heads.message_id(_SINGLE + seq), encrypted=encrypted)
            drafts += self._copies(shared, [recipient], seq)
        return drafts, unsent

    def _sealed_to(
        self, key: ReporterKey | None, content: Entity, inner: Sequence[fields.Field], outer: Sequence[fields.Field],
        seed: bytes,
    ) -> Entity | None:  # fmt: skip
        """Encrypted to one outsider's key; None if it cannot be used (any more)."""
        if key is None:
            return None
        root = openpgp_mime.protect_cipher(content, inner, outer)
        with self._openpgp.with_keys([key.armor]) as once:
            info = once.info(key.fingerprint)
            if info is None or not info.usable(self._claim.created_at):
                return None
            try:
                return openpgp_mime.encrypted(once.encrypt(root.pieces(), [key.fingerprint]), seed)
            except UnusableKeys:
                return None

    # Both

    def _signed(self, entity: Entity, head_fields: Sequence[fields.Field], seed: bytes) -> Entity:
        root = openpgp_mime.protect_clear(entity, head_fields)
        signature = self._openpgp.sign(b"".join(root.pieces()))
        return openpgp_mime.signed(root, signature.armored, signature.micalg, seed)

    def _copies(self, shared: _Shared, recipients: Sequence[Recipient], first_seq: int) -> list[Draft]:
        """One draft per recipient over one body."""
        headers = compose.head(shared.head_fields, shared.entity)
        return [
            Draft(
                seq=seq,
                kind=self._claim.event,
                recipient=recipient.address,
                member_id=recipient.member_id,
                sender=self._settings.group.extended(f"bounce.{self._tokens.bounce(self._claim.id, seq)}"),
                headers=headers,
                message_id=shared.message_id,
                body=shared.entity.body,
                encrypted=shared.encrypted,
            )
            for seq, recipient in enumerate(recipients, start=first_seq)
        ]
