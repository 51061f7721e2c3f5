"""`service.ports.OpenPGP` on GnuPG, with the group's key."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mailbot.openpgp import keys, listing, verdict
from mailbot.openpgp.keyrings import Keyrings
from mailbot.openpgp.process import SIDE, TIME_LIMIT, Gnupg, GpgUnusable, Result, check_home
from mailbot.service.ports import Decryption, DetachedSignature, KeyInfo, Opened, Signature, UnusableKeys, Verdict

PLAINTEXT_LIMIT = 64_000_000
"""Bytes of plaintext that one message may unpack to: more than the largest mail that is accepted, far from a bomb."""

STRANGERS_STATUS = 20_000
"""Bytes of status lines about a stranger's message: some 400 recipients or 60 signatures. Each recipient who is not
named costs a private-key operation in the group's one agent, each signature a check; 2 MB hold tens of thousands."""

# RFC 3156 5 and RFC 4880 9.4, by the number that gpg gives.
_MICALG = {"8": "pgp-sha256", "9": "pgp-sha384", "10": "pgp-sha512", "11": "pgp-sha224"}
# Without it, gpg signs detached with what the key prefers, SHA-256 by default, and everything else with SHA-512. One
# digest for all, the strongest; any curve or RSA size takes it (a shorter one would be refused for 521-bit curves).
_DIGEST = ("--digest-algo", "SHA512")


class Gpg:
    """Threads may share it. Nothing is started before the first call."""

    def __init__(
        self,
        home: Path,
        group_key: str,
        scratch: Path,
        passphrase: str | None = None,
        timeout: float = TIME_LIMIT,
        binary: str = "gpg",
        limit: int = PLAINTEXT_LIMIT,
    ) -> None:
        """`home` holds the secret key with the fingerprint `group_key`; `scratch` is a directory for the public
        keyring; `timeout` in seconds, for each start of gpg; `limit` in bytes of plaintext."""
        self._gnupg = Gnupg(home, binary=binary, timeout=timeout)
        self._group_key = group_key
        self._passphrase = passphrase
        self._limit = limit
        self._scratch = scratch
        self._keyrings = Keyrings(self._gnupg, group_key, scratch)

    def close(self) -> None:
        """Remove the public keyring. The home's agent goes on: see `process.stop_agent`."""
        self._keyrings.close()

    @contextmanager
    def with_keys(self, armored: Sequence[str]) -> Iterator["Gpg"]:
        """The same with `armored` in place of the loaded keys, for one use of a key that must not stay (a reporter's).

        Costs four short starts of gpg, about 25 ms. Raises `GpgUnusable`, `MailFailed`.
        """
        other = Gpg(
            self._gnupg.home,
            self._group_key,
            self._scratch,
            self._passphrase,
            self._gnupg.timeout,
            self._gnupg.binary,
            self._limit,
        )
        try:
            other.load(0, armored)
            yield other
        finally:
            other.close()

    def scan(self, data: bytes) -> list[KeyInfo]:
        return keys.scan(data, self._gnupg.binary)

    def minimal(self, data: bytes, fingerprint: str) -> str:
        return keys.merge(None, data, fingerprint, self._gnupg.binary)

    def load(self, revision: int, armored: Sequence[str]) -> None:
        self._keyrings.load(revision, armored)

    def decrypt(self, ciphertext: bytes) -> Decryption:
        found = self._decrypt(ciphertext, self._passphrase)
        if found.outcome is not Opened.NO_KEY:
            return found
        # An agent that is down or dies looks to gpg like one that has no such key. So look whether it has.
        available = self._secret_key_ids()
        if not (available | {verdict.HIDDEN}) & {*found.key_ids}:
            return found
        with self._keyrings.current() as ring:
            new = available - ring.key_ids
        if new:
            self._keyrings.forget()
        # Signing tells a wrong passphrase from a foreign key, and makes the agent remember a right one.
        self.sign(b"")
        # A message that asks for a passphrase first got the group's, which spoilt it; now the agent's memory will do.
        return self._decrypt(ciphertext, None if found.symmetric else self._passphrase)

    def _decrypt(self, ciphertext: bytes, passphrase: str | None) -> Decryption:
        with self._keyrings.current() as ring:
            result = self._gnupg.run(
                [*ring.options, "--decrypt"], [ciphertext], passphrase=passphrase, limit=self._limit,
                status_limit=STRANGERS_STATUS,
            )  # fmt: skip
        found = verdict.decryption(result)
        # gpg reads the first of several armored messages and may not say a word about the others.
        if found.plaintext is not None and _count_armors(ciphertext, b"MESSAGE") > 1:
            return Decryption(Opened.BROKEN, key_ids=found.key_ids, symmetric=found.symmetric)
        return found

    def _secret_key_ids(self) -> set[str]:
        """The key ids that can decrypt or sign now. Raises `GpgUnusable` if the group's are not among them."""
        keys = listing.parse(self._gnupg.run(listing.LIST_SECRET_KEYS).output)
        if not any(part.secret for key in keys if key.fingerprint == self._group_key for part in key.parts):
            check_home(self._gnupg.home)
            raise GpgUnusable(f"{self._gnupg.home}: the secret key {self._group_key} cannot be used through gpg-agent")
        return {part.key_id for key in keys for part in key.parts if part.secret}

    def verify(self, signed: bytes, signature: bytes) -> Signature:
        with self._keyrings.current() as ring:
            result = self._gnupg.run(
                [*ring.options, "--verify", "--", SIDE, "-"], [signed], side=signature, status_limit=STRANGERS_STATUS
            )
        found = verdict.signature(result)
        if found.good and _count_armors(signature, b"SIGNATURE") > 1:
            return Signature(Verdict.SEVERAL)
        # Whoever calls has something that claims to be a signature: that gpg saw none in it is no "unsigned".
        return Signature(Verdict.ERROR) if found.verdict is Verdict.UNSIGNED else found

    def sign(self, data: bytes) -> DetachedSignature:
        with self._keyrings.current() as ring:
            result = self._gnupg.run(
                [*ring.options, *_DIGEST, "--armor", "--local-user", self._group_key, "--detach-sign"],
                [data],
                passphrase=self._passphrase,
                crlf=True,
            )
        return DetachedSignature(result.output, self._signed_with(result))

    def encrypt(self, pieces: Sequence[bytes], recipients: Sequence[str], sign: bool = True) -> bytes:
        now = datetime.now(UTC)
        chosen = list(dict.fromkeys(recipients))
        if not chosen:
            raise ValueError("no recipients")
        with self._keyrings.current() as ring:
            known = {fingerprint: ring.keys.get(fingerprint) for fingerprint in chosen}
            refused = {name for name, key in known.items() if key is None or not key.info(now).usable(now)}
            if refused:
                raise UnusableKeys(frozenset(refused))
            result = self._gnupg.run(
                [
                    *ring.options,
                    *(("--sign", *_DIGEST, "--local-user", self._group_key) if sign else ()),
                    "--armor",
                    "--encrypt",
                    *(word for fingerprint in chosen for word in ("--recipient", fingerprint)),
                ],
                pieces,
                passphrase=self._passphrase if sign else None,
                crlf=True,
            )
        refused = {line.args[1] for line in result.all("INV_RECP") if len(line.args) > 1}
        if not refused and (result.returncode != 0 or not result.has("END_ENCRYPTION")):
            # A key may look good and be of a kind that this gpg cannot use. Then gpg fails as a whole and names nobody.
            refused = {name for name in chosen if not self._can_encrypt_to(name)}
        if refused:
            raise UnusableKeys(frozenset(refused))
        if sign:
            self._signed_with(result)
        if result.returncode != 0 or not result.has("END_ENCRYPTION") or not result.output:
            raise GpgUnusable("gpg did not encrypt, and gave no reason that is known")
        return result.output

    def _can_encrypt_to(self, fingerprint: str) -> bool:
        """Whether gpg encrypts to this key. Needs no agent, so a failure is the key's alone."""
        with self._keyrings.current() as ring:
            result = self._gnupg.run([*ring.options, "--encrypt", "--recipient", fingerprint], [b"x"])
        return result.returncode == 0 and result.has("END_ENCRYPTION")

    def _signed_with(self, result: Result) -> str:
        """The digest of a signature that gpg made, as RFC 3156 calls it."""
        made = result.all("SIG_CREATED")
        if result.returncode == 0 and len(made) == 1 and len(made[0].args) > 2 and made[0].args[2] in _MICALG:
            return _MICALG[made[0].args[2]]
        own, now = self.info(self._group_key), datetime.now(UTC)
        # The operator may have mended the key meanwhile: look again next time.
        self._keyrings.forget()
        verdict.raise_if_unusable(result.all("FAILURE"))
        check_home(self._gnupg.home)
        if own is not None and (own.revoked or (own.expires_at is not None and own.expires_at <= now)):
            raise GpgUnusable(f"the group's key {self._group_key} is {'revoked' if own.revoked else 'expired'}")
        raise GpgUnusable(f"{self._gnupg.home}: gpg cannot sign with the secret key {self._group_key}")

    def info(self, fingerprint: str) -> KeyInfo | None:
        with self._keyrings.current() as ring:
            key = ring.keys.get(fingerprint.upper())
        return None if key is None else key.info(datetime.now(UTC))

    def group_key(self) -> str:
        output = self._gnupg.run(["--armor", "--export", self._group_key]).output
        if not output:
            raise GpgUnusable(f"{self._gnupg.home}: the group's key {self._group_key} is not in this GnuPG home")
        return output.decode("ascii")


def _count_armors(data: bytes, kind: bytes) -> int:
    head = b"-----BEGIN PGP %b-----" % kind
    return data.count(b"\n" + head) + data.startswith(head)
