"""The composition root: settings in, wired objects out.

The only place that knows which implementation stands behind a port. Heavy rooms are imported by the function that
needs them, so that a listener starts without gpg and templates.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import ssl
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot.config import Delivery, Listener, Settings
from mailbot.errors import ConfigError
from mailbot.storage import schema
from mailbot.storage.database import Database
from mailbot.storage.seal import load_sealer

if TYPE_CHECKING:
    from mailbot.openpgp.gpg import Gpg
    from mailbot.service.health import Vitals
    from mailbot.service.outgoing import OutgoingMail
    from mailbot.service.ports import KeyInfo
    from mailbot.smtp.smarthost import Smarthost
    from mailbot.storage.store import Store
    from mailbot.storage.vault import Vault


def utc_now() -> datetime:
    return datetime.now(UTC)


class CurrentSettings:
    """The settings in force; a reload replaces them whole."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self) -> Settings:
        return self._settings

    def replace(self, settings: Settings) -> None:
        self._settings = settings


def open_database(settings: Settings) -> Database:
    """The database with the newest schema; needs only the public seal key."""
    database = Database(settings.storage.database)
    schema.prepare(database, load_sealer(settings.storage.seal_key_file))
    return database


def open_vault(settings: Settings, database: Database) -> Vault:
    """Everything confidential in the database, for processes that hold the private seal key. Raises `ConfigError`."""
    from mailbot.storage.unseal import SealBroken, load_unsealer
    from mailbot.storage.vault import Vault

    path = settings.storage.seal_key_file
    unsealer = load_unsealer(path)
    try:
        with database.read() as connection:
            return Vault(unsealer, connection)
    except SealBroken:
        raise ConfigError(
            f"{path}: storage.seal_key_file: it is not the seal key of the database {database.path}; restore the one "
            "that was used with it"
        ) from None


def open_store(settings: Settings) -> Store:
    from mailbot.storage.store import Store

    database = open_database(settings)
    return Store(database, open_vault(settings, database))


class Scratch:
    """A private directory for rebuilt caches (public keyrings). Nothing confidential is ever put there.

    A lock on it shows that its owner lives: what a process that was killed left behind is removed by the next one.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        for left in parent.glob(f"{_SCRATCH}*"):
            _remove_if_left(left)
        # Renamed when it is locked, so that nobody takes it for one that was left.
        fresh = Path(tempfile.mkdtemp(prefix=f"new-{_SCRATCH}"))
        self._lock = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = fresh.rename(fresh.with_name(fresh.name.removeprefix("new-")))

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


_SCRATCH = "mailbot-scratch-"


def _remove_if_left(directory: Path) -> None:
    """Remove a scratch directory whose owner is gone; one of another user, or in use, stays."""
    with contextlib.suppress(OSError):
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
        finally:
            os.close(lock)


def open_gpg(settings: Settings, scratch: Path) -> Gpg:
    """gpg on the operator's home. Raises `ConfigError` if the passphrase file is missing."""
    from mailbot.openpgp.gpg import Gpg

    passphrase = None
    if settings.openpgp.passphrase_file is not None:
        try:
            passphrase = settings.openpgp.passphrase_file.read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            raise ConfigError(
                f"openpgp.passphrase_file: cannot read {settings.openpgp.passphrase_file}: {error.strerror}"
            ) from None
    return Gpg(settings.openpgp.home, settings.openpgp.key, scratch, passphrase)


def open_certificate(listener: Listener) -> ssl.SSLContext | None:
    """What STARTTLS is offered with, if it is. Raises `ConfigError` if the certificate cannot be used."""
    if listener.tls_certificate is None or listener.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty passphrase instead of none: OpenSSL would ask at the terminal.
        context.load_cert_chain(listener.tls_certificate, listener.tls_key, password="")
    except OSError as error:
        cause = error.strerror if not isinstance(error, ssl.SSLError) else None
        pair = f"{listener.tls_certificate}: listener.tls_certificate, listener.tls_key"
        raise ConfigError(
            f"{pair}: cannot be used: {cause or 'not a certificate chain and its key in PEM, without a passphrase'}"
        ) from None
    return context


def open_smarthost(delivery: Delivery) -> Smarthost:
    """Where mail goes out. Raises `ConfigError` if a file that it needs cannot be used."""
    from mailbot.smtp.login import Login
    from mailbot.smtp.smarthost import Smarthost, checking, local_name

    login = None
    if delivery.user_file is not None and delivery.password_file is not None:
        login = Login(delivery.user_file, delivery.password_file)
    try:
        if delivery.tls == "required":
            checking(delivery.tls_ca_file)
        if login is not None:
            login.read()
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return Smarthost(
        delivery.host, delivery.port, delivery.tls, local_name(), delivery.tls_ca_file, delivery.tls_name, login
    )  # fmt: skip


class Watch:
    """Looks at the vitals of an installation. Keys are looked at once an hour: that starts gpg."""

    def __init__(self, settings: Callable[[], Settings], database: Database, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._ends: tuple[datetime, datetime | None, datetime | None] | None = None

    def vitals(self) -> Vitals:
        """Raises what reading the database or gpg raises."""
        from dataclasses import asdict

        from mailbot.service.health import Vitals
        from mailbot.storage import vitals

        now = self._now()
        with self._lock:
            if self._ends is None or abs(now - self._ends[0]) > timedelta(hours=1):
                self._ends = now, *self._look_at_keys()
            group, members = (None if ends is None else (ends - now) / timedelta(days=1) for ends in self._ends[1:])
        counts = vitals.read(self._database, now)
        return Vitals(**asdict(counts), group_key_days=group, members_key_days=members)

    def _look_at_keys(self) -> tuple[datetime | None, datetime | None]:
        """When the group's key ends, and when the first of the members' that has not ended yet does."""
        from mailbot.storage import keys

        settings, now = self._settings(), self._now()
        scratch = Scratch()
        gpg = open_gpg(settings, scratch.path)
        try:
            with self._database.read() as connection:
                gpg.load(keys.revision(connection), keys.armored(connection))
            group = gpg.info(settings.openpgp.key)
            found = [gpg.info(member.fingerprint) for member in settings.member if member.fingerprint]
        finally:
            gpg.close()
            scratch.close()
        # One that has ended is the member's own daily notice in every relay; it would hide the next.
        ends = [end for end in map(key_end, found) if end is not None and end > now]
        return key_end(group), min(ends, default=None)


def key_end(info: KeyInfo | None) -> datetime | None:
    """From when on nobody can encrypt to a key; None for never, or if it is not known."""
    if info is None:
        return None
    return min((until for until in (info.expires_at, info.encrypts_until) if until is not None), default=None)


def still_wanted(settings: Callable[[], Settings]) -> Callable[[OutgoingMail], str | None]:
    """Membership is the TOML, and it is checked again right before sending."""

    def check(mail: OutgoingMail) -> str | None:
        if mail.member_id is None:
            return None
        member = settings().member_by_id(mail.member_id)
        if member is None or member.email.lower() != mail.recipient.lower():
            return "not a member any more"
        return None

    return check
