"""``mailbot key refresh``, ``rotate`` and ``rotate-seal``: keys that become newer, or other ones."""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from mailbot.config import Settings

KEY_SERVER = "https://keys.openpgp.org"
"""It gives out what a key's owner has confirmed, and nobody else's signatures."""
KEY_BYTES = 1_000_000
"""Of one answer, as for keys from files."""
SERVER_SECONDS = 30.0


def add(noun: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    refresh = noun.add_parser(
        "refresh", help="fetch newer copies of the members' keys", description="Fetch the members' keys by fingerprint "
        "from a key server, which so learns whose keys you use, and take over their new expiry, sub-keys and "
        "revocations. A running bot also reads the group's own key anew.", epilog="example: mailbot key refresh",
    )  # fmt: skip
    refresh.add_argument("--from", dest="server", default=KEY_SERVER, metavar="URL", help=f"default: {KEY_SERVER}")
    refresh.set_defaults(run=run_refresh)
    rotate = noun.add_parser(
        "rotate", help="give the group a new key", description="Make a new key for the group, certified by the old "
        "one; tell the members, in a mail that the old one signs; and put it into the config. The old key stays "
        "readable for as long as it lies in the GnuPG home.", epilog="example: mailbot key rotate",
    )  # fmt: skip
    rotate.set_defaults(run=run_rotate)
    seal = noun.add_parser(
        "rotate-seal", help="make a new seal key", description="Make a new seal key and seal everything that lives to "
        "it. The bot must be stopped. What was interrupted goes on when it is called again.",
        epilog="example: mailbot key rotate-seal",
    )  # fmt: skip
    seal.add_argument(
        "--seal-key", type=Path, metavar="FILE", help="where the key lies, if the config names a credential"
    )
    seal.set_defaults(run=run_rotate_seal)


def run_refresh(options: argparse.Namespace) -> int:
    from mailbot.app import open_database, utc_now
    from mailbot.config import load
    from mailbot.mail.author import mailboxes
    from mailbot.openpgp.keys import KeyRefused, merge, scan
    from mailbot.storage import keys

    settings = load(options.config)
    database = open_database(settings)
    code = 0
    for member in settings.member:
        if member.fingerprint is None:
            continue
        try:
            data = _fetched(options.server, member.fingerprint)
            with database.read() as connection:
                known = keys.get(connection, member.fingerprint)
            armor = merge(known, data, member.fingerprint) if data else known
        except (OSError, ValueError, KeyRefused) as error:
            print(f"{member.id}: not refreshed: {error}")
            code = 1
            continue
        if not data:
            print(f"{member.id}: the server has no such key; ask for a copy, and mailbot key import FILE")
        elif armor == known:
            print(f"{member.id}: nothing new")
        elif armor is not None:
            user_ids = [one for info in scan(armor.encode()) for one in info.user_ids]
            addresses = [mailbox.address for one in user_ids for mailbox in mailboxes(one) if mailbox.address]
            with database.write() as connection:
                keys.put(connection, member.fingerprint, armor, utc_now(), addresses)
            print(f"{member.id}: updated")
    with database.write() as connection:
        keys.touch(connection)
    return code


def _fetched(server: str, fingerprint: str) -> bytes:
    """A key by its fingerprint, as HKP servers give it; b"" if there is none. Raises OSError, ValueError."""
    import urllib.error
    import urllib.request

    if not server.startswith(("https://", "http://")):
        raise ValueError(f"{server}: a key server's URL begins with https://")
    url = f"{server.rstrip('/')}/pks/lookup?op=get&options=mr&search=0x{fingerprint}"
    try:
        with urllib.request.urlopen(url, timeout=SERVER_SECONDS) as answer:  # noqa: S310 - the scheme is checked above
            return bytes(answer.read(KEY_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return b""
        raise


def run_rotate(options: argparse.Namespace) -> int:
    from mailbot.app import Scratch, open_gpg, open_store, utc_now
    from mailbot.cli.init import KEY_LIFETIME
    from mailbot.config import load
    from mailbot.mail.templates import Templates, packaged_templates
    from mailbot.openpgp.keys import certify, generate
    from mailbot.service.notices import Composer

    settings = load(options.config)
    old, home = settings.openpgp.key, settings.openpgp.home
    passphrase = None
    if settings.openpgp.passphrase_file is not None:
        passphrase = settings.openpgp.passphrase_file.read_text(encoding="utf-8").rstrip("\n")
    store = open_store(settings)
    scratch = Scratch()
    try:
        gpg = open_gpg(settings, scratch.path)
        gpg.load(*store.keys())
        gpg.sign(b"rotate")  # with a key that cannot sign, nothing is begun
        group = settings.group
        new = generate(home, group.name, group.address, KEY_LIFETIME, passphrase=passphrase)
        armor = certify(home, old, new, passphrase)
        now = utc_now()
        # Written here, and not by the bot, which may be restarted with the new key before it gets to it.
        claim = store.claim_new("new_key", {"old": old, "new": new, "armor": armor}, now)
        drafts = Composer(store, gpg, Templates(packaged_templates())).compose(claim, settings)
        store.finish_notice(claim, drafts, utc_now())
        with store.operate() as unit:
            unit.audit(None, "operator", "rotate", now, old=old, new=new)
        gpg.close()
    finally:
        scratch.close()
    print(
        f"new key    {new}\nold key    {old}, has certified it\nmembers    {len(drafts)} mails, signed by the old key"
    )
    if _put_key(options.config, old, new):
        print(f"config     {options.config}: openpgp.key is the new one")
    else:
        print(f'config     not changed; set it yourself: in {options.config}, [openpgp], key = "{new}"')
    print(
        "\nNow restart the bot, and publish the new key: mailbot key export. Mail to the old key can be read until\n"
        f"you remove it, some months from now: gpg --homedir {home} --delete-secret-and-public-keys {old}"
    )
    return 0


def _put_key(config: Path, old: str, new: str) -> bool:
    """Replace the group's fingerprint in the config file, in one step. False, and nothing changed, if that is not
    plainly possible."""
    from mailbot.config import load

    text = config.read_text(encoding="utf-8")
    spaced = r"\s*".join(old)
    changed, count = re.subn(rf'^(\s*key\s*=\s*")\s*{spaced}\s*(")', rf"\g<1>{new}\g<2>", text, flags=re.M | re.I)
    if count != 1:
        return False
    draft = config.with_name(f".{config.name}.new")
    try:
        _write(draft, changed, config)
        if load(draft).openpgp.key != new:
            return False
        os.replace(draft, config)
    except (ConfigError, OSError):
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def _write(path: Path, text: str, like: Path) -> None:
    """A new file, on disk when this returns, with mode and owner of another one."""
    there = like.stat()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), there.st_mode & 0o777)
        if (there.st_uid, there.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(file.fileno(), there.st_uid, there.st_gid)
        os.fsync(file.fileno())


def run_rotate_seal(options: argparse.Namespace) -> int:
    from mailbot.config import load
    from mailbot.occupancy import alone

    settings = load(options.config)
    path = options.seal_key or settings.storage.seal_key_file
    if options.seal_key is None and "/credentials/" in str(path):
        raise UsageError(f"the config names a credential; say where the key itself lies: --seal-key FILE ({path.name})")
    with alone(Path(settings.storage.database.removeprefix("sqlite:///")).parent):
        return _rotate_seal(settings, path)


def _rotate_seal(settings: "Settings", path: Path) -> int:
    """Every step can be the last one of an interrupted call, and the next call goes on from there."""
    from mailbot.app import utc_now
    from mailbot.storage import rewrap, seal
    from mailbot.storage.database import Database
    from mailbot.storage.seal import public_key_file
    from mailbot.storage.unit_of_work import UnitOfWork
    from mailbot.storage.unseal import load_unsealer
    from mailbot.storage.vault import Vault

    fresh = path.with_name(f"{path.name}.new")
    if not fresh.exists() and public_key_file(fresh).exists():
        os.replace(public_key_file(fresh), public_key_file(path))
        print(f"{path} is the new seal key: finished what was interrupted")
        return 0
    if fresh.exists() and not public_key_file(fresh).exists():
        fresh.unlink()  # interrupted while it was made: nothing is sealed to it
    if not fresh.exists():
        if not path.exists():
            raise UsageError(f"{path}: no such file; restore the seal key of this database first")
        seal.generate(fresh)
        _own_like(fresh, path)
        _own_like(public_key_file(fresh), public_key_file(path))
    new = load_unsealer(fresh)
    database = Database(settings.storage.database)
    with database.read() as connection:
        sealed_already = rewrap.opens(connection, new)
    if not sealed_already:
        old = load_unsealer(path)
        with database.write() as connection:
            if not rewrap.opens(connection, old):
                raise UsageError(f"{path} is not the seal key of {database.path}; nothing was changed")
            UnitOfWork(connection, Vault(old, connection)).audit(None, "operator", "rotate-seal", utc_now())
            done, lost = rewrap.rewrap(connection, old, new)
        print(f"sealed {done} keys anew{f'; {lost} did not open before either, and stay' if lost else ''}")
    database.truncate_log()
    kept = path.with_name(f"{path.name}.old-{utc_now():%Y%m%dT%H%M%SZ}")
    if path.exists() and path.read_bytes() != fresh.read_bytes():
        os.replace(path, kept)
    os.replace(fresh, path)
    os.replace(public_key_file(fresh), public_key_file(path))
    sys.stdout.write(
        f"{path} is the new seal key, the old one is beside it as {path.name}.old-...\n\n"
        "Start the bot, and keep a copy of the new key where you kept one of the old. Backups that were made until\n"
        "now, and mailbot.db.before-... beside the database, open only with the old key: keep it as long as them.\n"
        f"When they are to be forgotten, destroy it and its copies: shred -u {path}.old-...\n"
    )
    return 0


def _own_like(path: Path, like: Path) -> None:
    there = like.stat()
    if (there.st_uid, there.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(path, there.st_uid, there.st_gid)
