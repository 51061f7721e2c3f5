"""A directory as `mailbot init` leaves it, with the lab's keys instead of new ones, for tests that need a whole bot."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailbot.config import Settings, load
from mailbot.storage import keys, schema, seal
from mailbot.storage.database import Database
from tests.openpgp_keys import Lab

CONFIG = """\
[group]
name = "Example Security Response Group"
id_prefix = "EX"
address = "security@example.org"

[listener]
port = {listen_port}
trusted_authserv_ids = ["mx.example.org"]

[delivery]
port = {smarthost_port}
tls = "none"

[storage]
database = "sqlite:///mailbot.db"
seal_key_file = "seal.key"

[openpgp]
home = "{home}"
key = "{group_key}"

[operators]
addresses = ["ops@example.org"]
{extra}
[[member]]
id = "alice"
name = "Alice Example"
email = "alice@members.example"
fingerprint = "{alice}"
oncall = true

[[member]]
id = "bob"
name = "Bob Example"
email = "bob@members.example"
fingerprint = "{bob}"
{more_members}"""

KEYLESS = """
[[member]]
id = "dave"
name = "Dave Example"
email = "dave@members.example"
"""

ESCALATION = """
[[slo.escalation]]
after = "0s"
to = ["escalation@example.org"]
"""


def without_digest(tables: str) -> str:
    """Further tables of a config, with the daily digest off unless they say something about it: most tests count mails,
    whatever the hour."""
    if "digest_hour" in tables:
        return tables
    if "[slo]\n" in tables:
        return tables.replace("[slo]\n", "[slo]\ndigest_hour = -1\n")
    return "\n[slo]\ndigest_hour = -1\n" + tables


@dataclass(frozen=True, slots=True)
class Installation:
    directory: Path
    config: Path

    @property
    def settings(self) -> Settings:
        return load(self.config)


def install(
    directory: Path, lab: Lab, *, extra: str = ESCALATION, more_members: str = KEYLESS, listen_port: int = 0,
    smarthost_port: int = 25, own_home: bool = False,
) -> Installation:  # fmt: skip
    """Members alice and bob with keys and dave without. `extra` are further tables of the config.

    With `own_home` the group's GnuPG home is a copy, for tests that kill its agent.
    """
    home = lab.group.path
    if own_home:
        home = directory / "g"
        home.mkdir(mode=0o700)
        for part in ("pubring.kbx", "trustdb.gpg"):
            shutil.copy2(lab.group.path / part, home / part)
        shutil.copytree(lab.group.path / "private-keys-v1.d", home / "private-keys-v1.d")
    config = directory / "mailbot.toml"
    config.write_text(
        CONFIG.format(
            listen_port=listen_port, smarthost_port=smarthost_port, home=home, group_key=lab.group_key,
            extra=without_digest(extra),
            alice=lab.fingerprint("alice"), bob=lab.fingerprint("bob"), more_members=more_members,
        )
    )  # fmt: skip
    seal.generate(directory / "seal.key")
    settings = load(config)
    database = Database(settings.storage.database)
    schema.prepare(database, seal.load_sealer(settings.storage.seal_key_file))
    with database.write() as connection:
        for name in ("alice", "bob"):
            keys.put(connection, lab.fingerprint(name), lab.people.public(name), datetime.now(UTC))
    database.close()
    return Installation(directory, config)
