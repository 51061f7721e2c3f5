"""``mailbot check``: what is wrong with this installation, and how to mend it."""

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mailbot.cli.output import add_json, print_json
from mailbot.errors import ConfigError, MailbotError

if TYPE_CHECKING:
    from mailbot.config import Settings


RELAYED = 140
"""Size of a relay in percent of the mail that it relays: armor is base64 in lines of 64 characters, and the card stands
on top. (What compresses becomes smaller; the largest reports are archives, which do not.)"""


_SMARTHOST_MENDS = {
    "SmarthostUnreachable": "start the mail server, or correct delivery.host and delivery.port",
    "TlsUnavailable": "enable STARTTLS there, or see docs/operator.md on delivery.tls",
    "CertificateRefused": "correct delivery.host, delivery.tls_name or delivery.tls_ca_file",
    "LoginUnavailable": "take delivery.user_file and delivery.password_file out, or ask for AUTH over TLS there",
    "LoginRefused": "correct what stands in delivery.user_file and delivery.password_file",
}
"""By the name of the trouble."""


class Finding(NamedTuple):  # not a dataclass: that module costs 6 ms, for every command
    level: str
    """``ok``, ``warn`` or ``fail``."""
    what: str
    text: str
    mend: str = ""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "check",
        help="say what is wrong, and how to mend it",
        description="Look at config, keys and their expiry, database, smarthost, templates, disk and clock. Each line "
        "is ok, warn or fail, with the mend. Exit code: 0 (also with warnings), 1 on a failure, 2 on a config error.",
        epilog="example: mailbot --config /etc/mailbot/mailbot.toml check",
    )
    parser.add_argument("--deep", action="store_true", help="also see that the books balance: takes a while")
    parser.add_argument(
        "--send", action="store_true", help="also mail itself, through the whole loop, and wait a minute for it"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot.config import load

    settings = load(options.config)
    _named_files(settings, options.config)
    findings = [Finding("ok", "config", f"{options.config}: {_members(len(settings.member))}")]
    looks = [*CHECKS]
    if options.deep or options.send:
        from mailbot.cli import deep

        looks += [deep.deep] * options.deep + [deep.send] * options.send
    for look in looks:
        try:
            findings += look(settings)
        except ConfigError:
            raise
        except MailbotError as error:
            findings.append(Finding("fail", look.__name__.removeprefix("_"), str(error)))
    if options.json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            print(f"{finding.level:<4}  {finding.what:<10} {finding.text}")
            if finding.mend:
                print(f"                 mend: {finding.mend}")
    return 1 if any(finding.level == "fail" for finding in findings) else 0


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"


def _named_files(settings: "Settings", config: Path) -> None:
    """A file that the config names and that is not there is a config error."""
    from mailbot.app import open_certificate, open_smarthost
    from mailbot.storage.seal import load_sealer
    from mailbot.storage.unseal import load_unsealer

    if not settings.openpgp.home.is_dir():
        raise ConfigError(
            f"{config}: openpgp.home: found no directory {settings.openpgp.home}; allowed: a GnuPG home with the "
            "group's secret key (`mailbot init` makes one for a new installation)"
        )
    passphrase = settings.openpgp.passphrase_file
    if passphrase is not None and not passphrase.is_file():
        raise ConfigError(f"{config}: openpgp.passphrase_file: found no file {passphrase}; allowed: a readable file")
    if not _hidden(settings.listener.tls_key):
        open_certificate(settings.listener)
    open_smarthost(settings.delivery)
    load_sealer(settings.storage.seal_key_file)
    load_unsealer(settings.storage.seal_key_file)


def _hidden(path: Path | None) -> bool:
    """The file is there, and for another user only: the listener's, who may be one of their own."""
    return path is not None and path.exists() and not os.access(path, os.R_OK)


def _permissions(settings: "Settings") -> Iterator[Finding]:
    from mailbot.storage.unseal import readable_by_others

    database = Path(settings.storage.database.removeprefix("sqlite:///"))
    for path, what in (
        (settings.storage.seal_key_file, "seal key"), (settings.openpgp.home, "GnuPG home"), (database, "database"),
        # SQLite makes these with the mode that the database has at that moment.
        (database.with_name(f"{database.name}-wal"), "database"),
    ):  # fmt: skip
        if not path.exists():
            continue
        if what == "database" and path.stat().st_mode & 0o077 and not path.stat().st_mode & 0o007:
            # A listener that runs as a user of its own writes to it, by the group.
            yield Finding("ok", "secrets", f"{path} ({what}) is for its owner and group alone")
        elif readable_by_others(path):
            mode = "700" if path.is_dir() else "600"
            yield Finding("fail", "secrets", f"{path} ({what}) can be read by others", f"chmod {mode} {path}")
        else:
            yield Finding("ok", "secrets", f"{path} ({what}) is owner-only")
    # Often a key of a group's, such as Debian's ssl-cert; but never everybody's.
    key = settings.listener.tls_key
    if key is not None and key.stat().st_mode & 0o007:
        yield Finding("fail", "secrets", f"{key} (listener.tls_key) can be read by others", f"chmod o= {key}")
    elif _hidden(key):
        yield Finding("ok", "secrets", f"{key} (listener.tls_key) is not for this user, so it was not tried")


def _keys(settings: "Settings") -> Iterator[Finding]:
    from mailbot.app import utc_now
    from mailbot.cli.keyring import opened
    from mailbot.cli.member import problem

    now = utc_now()
    with opened(settings) as gpg:
        group = gpg.info(settings.openpgp.key)
        if group is None:
            yield Finding(
                "fail", "group key", f"{settings.openpgp.key} is not in {settings.openpgp.home}",
                "restore the GnuPG home, or set openpgp.key to the key that is there",
            )  # fmt: skip
        elif not group.usable(now):
            yield Finding("fail", "group key", "expired or revoked: nobody can encrypt to it", _extend(settings))
        else:
            gpg.sign(b"check")
            yield expiry("group key", group.expires_at, now, _extend(settings))
        for member in settings.member:
            info = gpg.info(member.fingerprint) if member.fingerprint else None
            trouble = problem(settings, member, info)
            if trouble:
                yield Finding("warn", "member", f"{member.id}: {trouble}")
            elif info is not None:
                ends = min((until for until in (info.expires_at, info.encrypts_until) if until), default=None)
                yield expiry(f"key {member.id}", ends, now, "ask for a refreshed copy; mailbot key import FILE")
    if not settings.slo.escalation:
        yield Finding(
            "warn", "escalation", "no [[slo.escalation]]: when nobody answers a report, only the members are told",
            "name somebody outside the group who can reach a member by phone",
        )  # fmt: skip
    if not settings.member:
        yield Finding("warn", "member", "no members: nobody gets the reports", "add [[member]] tables to the config")


def _extend(settings: "Settings") -> str:
    return f"gpg --homedir {settings.openpgp.home} --quick-set-expire {settings.openpgp.key} 2y '*', and without '*'"


def expiry(what: str, expires_at: "object", now: "object", mend: str) -> Finding:
    from datetime import datetime

    if not isinstance(expires_at, datetime) or not isinstance(now, datetime):
        return Finding("ok", what, "usable, does not expire")
    days = (expires_at - now).days
    text = f"usable, expires {expires_at:%a %d %b %Y} (in {days} days)"
    return Finding("warn", what, text, mend) if days <= 30 else Finding("ok", what, text)


def _database(settings: "Settings") -> Iterator[Finding]:
    from mailbot.app import open_database, open_vault
    from mailbot.storage import health, schema

    database = open_database(settings)
    open_vault(settings, database)
    yield Finding("ok", "database", f"{database.path}, revision {schema.HEAD}, opens with the seal key")
    with database.read() as connection:
        for what, count, mend in health.troubles(connection):
            yield Finding("warn", "database", f"{count} {what}", mend)


def _lists(settings: "Settings") -> Iterator[Finding]:
    from mailbot.cli.lists import check

    return check(settings)


def _templates(settings: "Settings") -> Iterator[Finding]:
    from mailbot.mail.samples import SAMPLES
    from mailbot.mail.templates import Templates, packaged_templates

    templates = Templates(packaged_templates())
    for letter in SAMPLES.values():
        templates.write(letter)
    yield Finding("ok", "templates", f"{len(templates.names())} mails of {settings.group.name} can be written")


def _smarthost(settings: "Settings") -> Iterator[Finding]:
    import asyncio

    from mailbot.app import open_smarthost
    from mailbot.smtp.connection import Connection
    from mailbot.smtp.replies import SmarthostDown
    from mailbot.smtp.smarthost import Limits

    async def extensions() -> dict[str, str]:
        connection = await Connection.open(open_smarthost(settings.delivery), Limits(connect=10.0, command=10.0))
        offered = {**connection.extensions, **({"encrypted": ""} if connection.encrypted else {})}
        await connection.quit()
        return offered

    delivery = settings.delivery
    where = f"{delivery.host} port {delivery.port}"
    try:
        offered = asyncio.run(extensions())
    except SmarthostDown as trouble:
        kind = type(trouble).__name__
        yield Finding("fail", "smarthost", f"{where}: {trouble.text}", _SMARTHOST_MENDS.get(kind, "look into its log"))
        return
    clear = "" if "encrypted" in offered or delivery.local else "; mail goes to it in clear"
    words = [
        word for word, true in (("TLS", "encrypted" in offered), ("login", delivery.user_file is not None)) if true
    ]
    using = f", with {' and '.join(words)}" if words else ""
    yield Finding("ok", "smarthost", f"{where} answers{using}{clear}")
    largest = RELAYED * settings.listener.max_message_size // 100
    limit = offered.get("size", "")
    if limit.isdecimal() and 0 < int(limit) < largest:
        yield Finding(
            "warn", "smarthost", f"{where} takes at most {int(limit):,} bytes, but a report of the largest size "
            f"that is accepted becomes {largest:,} as it goes to members: they would get it without the original mail",
            f"raise its limit (Postfix: postconf message_size_limit={largest}), or lower listener.max_message_size",
        )  # fmt: skip


def _disk(settings: "Settings") -> Iterator[Finding]:
    import shutil

    directory = Path(settings.storage.database.removeprefix("sqlite:///")).parent
    free = shutil.disk_usage(directory).free
    need = 20 * settings.listener.max_message_size
    text = f"{free / 1e9:.1f} GB free for the database in {directory}"
    if free < need:
        yield Finding("fail", "disk", text, f"make room: under {need / 1e9:.1f} GB a few large mails fill it")
    else:
        yield Finding("ok", "disk", text)


def _clock(settings: "Settings") -> Iterator[Finding]:
    from mailbot.app import open_database, utc_now
    from mailbot.storage import health

    with open_database(settings).read() as connection:
        newest = health.newest_instant(connection)
    if newest is not None and newest > utc_now():
        yield Finding(
            "fail", "clock", f"this machine's clock is behind the newest row, {newest:%Y-%m-%d %H:%M} UTC", "set it"
        )
    else:
        yield Finding("ok", "clock", f"{utc_now():%a %d %b %Y %H:%M} UTC")


CHECKS: tuple[Callable[["Settings"], Iterator[Finding]], ...] = (
    _permissions, _keys, _lists, _database, _templates, _smarthost, _disk, _clock,
)  # fmt: skip
