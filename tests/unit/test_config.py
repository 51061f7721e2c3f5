"""What the values of a config mean once it is loaded; what is refused, and how, is tested by bad_configs."""

from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from mailbot.config import Settings, load
from mailbot.duration import Duration
from mailbot.errors import ConfigError
from mailbot.service.tokens import Tokens

FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
LEAST = f"""
[group]
name = "Example Group"
id_prefix = "EX"
address = "Security@Example.org"
[storage]
database = "sqlite:///mailbot.db"
seal_key_file = "seal.key"
[openpgp]
home = "gnupg"
key = "{FINGERPRINT}"
"""


def loaded(directory: Path, extra: str = "", *, changed: tuple[str, str] = ("", "")) -> Settings:
    """The least config with further tables, and one of its texts changed."""
    file = directory / "mailbot.toml"
    file.write_text(LEAST.replace(*changed) + extra, encoding="utf-8")
    return load(file)


def member(name: str, **values: str) -> str:
    values = {"id": name, "name": name.title(), "email": f"{name}@members.example"} | values
    return "[[member]]\n" + "".join(f'{key} = "{value}"\n' for key, value in values.items())


def test_the_defaults_are_the_promises_of_the_manual(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.group.timezone == ZoneInfo("UTC")
    listener, relay, slo = settings.listener, settings.relay, settings.slo
    assert (listener.protocol, listener.host, listener.port, listener.socket) == ("smtp", "127.0.0.1", 8025, None)
    assert listener.max_message_size == 25_000_000
    assert (listener.trusted_authserv_ids, listener.intake_lists, listener.processes) == ((), (), 1)
    assert listener.trusted_hosts == ("127.0.0.1", "::1")
    delivery = settings.delivery
    assert (delivery.host, delivery.port, delivery.tls) == ("127.0.0.1", 25, "opportunistic")
    assert delivery.give_up_after.delta == timedelta(days=5)
    assert (settings.commands.auth, settings.commands.max_age.delta) == ("signature", timedelta(days=7))
    assert (relay.to, relay.keyless, relay.encrypt, relay.own_copies) == ("members", "notice", "together", False)
    assert (settings.ack.per_sender.delta, settings.ack.per_hour) == (timedelta(hours=1), 200)
    assert (settings.hold.spam_score, settings.hold.per_sender) == (10.0, 20)
    assert [str(slo.first_response_remind), str(slo.first_response_escalate)] == ["24h", "48h"]
    assert [str(slo.coordinator), str(slo.silence)] == ["48h", "5d"]
    assert (slo.regulatory, slo.regulatory_contacts, slo.holidays, slo.escalation) == (False, (), (), ())
    assert [str(settings.embargo.default), str(settings.embargo.publish_after_fix)] == ["90d", "98d"]
    assert [str(before) for before in settings.embargo.remind_before] == ["14d", "7d", "3d", "1d"]
    assert (settings.embargo.lift_quorum, settings.verdicts.close_quorum) == (3, 2)
    assert (settings.membership.per_affiliation, settings.disclosure.announce_to) == (3, ())
    assert (settings.operators.addresses, settings.member) == ((), ())


def test_every_value_that_is_written_is_the_one_that_counts(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        """
[listener]
protocol = "lmtp"
socket = "run/mailbot.sock"
max_message_size = "500KB"
[slo]
first_response_remind = "1bd"
first_response_escalate = "2bd"
holidays = [2026-12-25, 2027-01-01]
[[slo.escalation]]
to = ["a@example.org", "b@example.org"]
[[slo.escalation]]
after = "2h"
to = ["c@example.org"]
[ack]
per_sender = "0s"
per_hour = 0
[hold]
spam_score = 7
""",
    )
    assert settings.listener.socket == tmp_path / "run" / "mailbot.sock"
    assert settings.listener.max_message_size == 500_000
    assert settings.slo.first_response_remind == Duration("1bd", business_days=1)
    assert settings.slo.holidays == (date(2026, 12, 25), date(2027, 1, 1))
    assert [(step.after.seconds, step.to) for step in settings.slo.escalation] == [
        (0, ("a@example.org", "b@example.org")),
        (7200, ("c@example.org",)),
    ]
    assert (settings.ack.per_sender.delta, settings.ack.per_hour) == (timedelta(0), 0)
    assert settings.hold.spam_score == 7.0


@pytest.mark.parametrize(
    ("text", "size"), [("1B", 1), ("25MB", 25_000_000), ("25 MB", 25_000_000), ("3KB", 3000), ("1GB", 10**9)]
)
def test_sizes_count_in_thousands(tmp_path: Path, text: str, size: int) -> None:
    assert loaded(tmp_path, f'[listener]\nmax_message_size = "{text}"').listener.max_message_size == size


def test_paths_are_relative_to_the_file_and_absolute_ones_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    settings = loaded(tmp_path, changed=('home = "gnupg"', 'home = "/var/lib/gnupg"'))
    assert settings.storage.database == f"sqlite:///{tmp_path}/mailbot.db"
    assert settings.storage.seal_key_file == tmp_path / "seal.key"
    assert settings.openpgp.home == Path("/var/lib/gnupg")
    settings = loaded(tmp_path, changed=("sqlite:///mailbot.db", "sqlite:////var/lib/mailbot.db"))
    assert settings.storage.database == "sqlite:////var/lib/mailbot.db"


def test_a_config_that_is_named_relative_to_the_current_directory_has_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert load(Path("mailbot.toml")).storage.seal_key_file == tmp_path / "seal.key"


@pytest.mark.parametrize(
    "written", [FINGERPRINT.lower(), "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567"], ids=["lower", "spaces"]
)
def test_fingerprints_may_be_written_as_gpg_shows_them(tmp_path: Path, written: str) -> None:
    settings = loaded(tmp_path, member("alice", fingerprint=written), changed=(FINGERPRINT, written))
    assert settings.openpgp.key == FINGERPRINT
    assert settings.member_by_fingerprint(FINGERPRINT) is settings.member[0]


def test_members_are_found_by_id_by_address_in_any_case_and_by_fingerprint(tmp_path: Path) -> None:
    text = member("alice", email="Alice@Members.example", fingerprint=FINGERPRINT) + member("bob")
    settings = loaded(tmp_path, text)
    alice, bob = settings.member
    assert settings.member_by_id("bob") is bob
    assert settings.member_by_id("Bob") is None
    assert settings.member_by_address("aLICE@mEMBERS.example") is alice
    assert settings.member_by_address("alice@elsewhere.example") is None
    assert settings.member_by_fingerprint(FINGERPRINT) is alice
    assert settings.member_by_fingerprint("F" * 40) is None
    # Bob has no key: no lack of a fingerprint makes a signature his.
    assert settings.member_by_fingerprint("") is None


@pytest.mark.parametrize(("first", "second"), [("alice", "alice"), ("a", "a")])
@pytest.mark.parametrize("what", ["id", "email", "fingerprint"])
def test_no_two_members_share_an_id_an_address_or_a_key(tmp_path: Path, what: str, first: str, second: str) -> None:
    own = {"id": first, "email": "one@members.example", "fingerprint": FINGERPRINT}
    other = {"id": second if what == "id" else "zoe", "email": "two@members.example", "fingerprint": "F" * 40}
    other[what] = own[what].upper() if what == "email" else own[what]
    with pytest.raises(ConfigError, match=rf"member\.{what}: .* stands twice"):
        loaded(tmp_path, member("one", **own) + member("two", **other))


def test_two_members_whose_values_differ_are_two_members(tmp_path: Path) -> None:
    settings = loaded(tmp_path, member("a") + member("b") + member("members", email="a@b.example"))
    assert [one.id for one in settings.member] == ["a", "b", "members"]


def test_ids_and_addresses_of_issues(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.issue_id(42) == "EX-42"
    assert (settings.group.local_part, settings.group.domain) == ("Security", "Example.org")
    assert settings.group.extended("42") == "Security+42@Example.org"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    with pytest.raises(ValidationError, match="frozen"):
        settings.relay.keyless = "always"  # type: ignore[misc]


def test_the_longest_local_part_leaves_room_for_every_extension(tmp_path: Path) -> None:
    longest = "product-security-incidents1"
    group = loaded(tmp_path, changed=("Security@", f"{longest}@")).group
    tokens = Tokens(b"k" * 32, group.domain)
    for extension in (
        f"{999_999_999}.{tokens.participant(999_999_999, 'rita@out.example')}",
        f"bounce.{tokens.bounce(16_000_000, 250)}",
    ):
        local_part = group.extended(extension).rsplit("@", 1)[0]
        assert len(local_part) <= 64, "RFC 5321 4.5.3.1.1"
    with pytest.raises(
        ConfigError, match=r'group\.address: found "product-security-incidents-x@Example.org"; allowed: .*27'
    ):
        loaded(tmp_path, changed=("Security@", "product-security-incidents-x@"))


def test_a_credential_is_where_systemd_has_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login = '[delivery]\nuser_file = "credential:smtp-user"\npassword_file = "password"\n'
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert loaded(tmp_path, login).delivery.user_file == Path("/run/credentials/mailbot.service/smtp-user")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/other.service")
    delivery = loaded(tmp_path, login).delivery
    assert delivery.user_file == Path("/run/credentials/other.service/smtp-user")
    assert delivery.password_file == tmp_path / "password"


def test_the_seal_key_may_be_a_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/mailbot.service")
    storage = loaded(tmp_path, changed=('"seal.key"', '"credential:seal.key"')).storage
    assert storage.seal_key_file == Path("/run/credentials/mailbot.service/seal.key")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("192.0.2.1", False),
        ("mx.x", False),
    ],
)
def test_a_smarthost_on_this_machine_is_known(tmp_path: Path, host: str, local: bool) -> None:
    assert loaded(tmp_path, f'[delivery]\nhost = "{host}"\n').delivery.local is local
