"""STARTTLS between Postfix and the bot, in both directions, with certificates that are checked."""

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.openpgp_keys import Lab
from tests.postfix import sasl
from tests.postfix.server import certificate
from tests.postfix.site import Site, change, recipe, site

SASL = """\
smtpd_tls_security_level=encrypt
smtpd_tls_auth_only=yes
smtpd_sasl_auth_enable=yes
smtpd_sasl_type=dovecot
smtpd_sasl_path=sasl
smtpd_relay_restrictions=permit_sasl_authenticated,reject
"""


@pytest.fixture
def secured(lab: Lab) -> Iterator[Site]:
    """Over a port, because Postfix speaks no TLS on UNIX sockets."""
    with site(lab, "smtp") as made, sasl.answering(made.postfix.root / "queue" / "sasl"):
        yield made


def renew(made: Site, name: str = "bot") -> None:
    """A new certificate for the bot, which Postfix trusts alone from now on."""
    directory = made.bot.installation.directory
    path = certificate(directory, name, "bot.example.org")
    path.replace(directory / "bot.crt")
    path.with_suffix(".key").replace(directory / "bot.key")
    shutil.copy(directory / "bot.crt", made.postfix.root / "conf" / "mailbot-ca.crt")


def verified(log: str) -> int:
    return len(re.findall(r"Verified TLS connection established to 127\.0\.0\.1", log))


def test_postfix_hands_mail_over_with_a_checked_certificate_that_is_renewed_without_a_restart(secured: Site) -> None:
    renew(secured)
    change(secured.bot.installation.config, "[delivery]", "[delivery]\n# mail goes out in clear here\n")
    config = secured.bot.installation.config
    port = secured.bot.installation.settings.listener.port
    change(config, f"port = {port}\n", f'port = {port}\ntls_certificate = "bot.crt"\ntls_key = "bot.key"\n')
    conf = str(secured.postfix.root / "conf")
    tls = recipe("maincf_tls").replace("8025", str(port)).replace("/etc/postfix", conf)
    secured.start(tls)
    secured.swaks("--body", "Over TLS.", sender="one@out.example")
    secured.got("one@out.example")
    assert verified(secured.postfix.log) == 1
    renew(secured, "renewed")
    # Postfix itself reads the authority anew, and would believe the old certificate no longer.
    secured.postfix.control("reload")
    secured.reload()
    secured.swaks("--body", "Over TLS again.", sender="two@out.example")
    secured.got("two@out.example")
    assert verified(secured.postfix.log) == 2
    (secured.bot.installation.directory / "bot.key").write_text("no key")
    assert secured.bot.process is not None
    secured.bot.process.send_signal(signal.SIGHUP)
    secured.bot.wait(lambda: "listener.tls_key: cannot be used" in secured.bot.log_path.read_text(), "the refusal")
    secured.swaks("--body", "Still over TLS.", sender="three@out.example")
    secured.got("three@out.example")
    assert verified(secured.postfix.log) == 3


def login(made: Site, password: str = sasl.PASSWORD) -> Path:
    directory = made.bot.installation.directory
    (directory / "user").write_text(f"{sasl.USER}\n")
    (directory / "password").write_text(f"{password}\n")
    (directory / "password").chmod(0o600)
    shutil.copy(made.postfix.root / "conf" / "front.crt", directory / "ca.crt")
    change(
        made.bot.installation.config,
        'tls = "none"',
        'tls = "required"\ntls_ca_file = "ca.crt"\ntls_name = "mx.example.org"\n'
        'user_file = "user"\npassword_file = "password"',
    )
    return directory / "password"


def test_the_bot_logs_in_over_a_checked_connection(secured: Site) -> None:
    login(secured)
    secured.start(bot_options=SASL)
    secured.swaks("--body", "Relay me.")
    (ack,) = secured.got("rita@out.example")
    for member in ("alice", "bob", "dave"):
        secured.got(f"{member}@members.example")
    assert f"sasl_username={sasl.USER}" in secured.postfix.log
    assert ack.mail["Subject"].startswith("[EX-1]")
    found = {row["what"]: row for row in secured.bot.json("check")}
    assert found["smarthost"]["level"] == "ok"
    assert "with TLS and login" in found["smarthost"]["text"]


def test_a_wrong_password_holds_mail_back_and_a_right_one_in_the_file_releases_it(secured: Site) -> None:
    path = login(secured, "guess")
    secured.start(bot_options=SASL)
    secured.swaks("--body", "Relay me later.")
    secured.bot.wait(
        lambda: "smarthost does not answer (LoginRefused)" in secured.bot.log_path.read_text(), "a refusal"
    )
    (row,) = [row for row in secured.bot.run("check", check=False).stdout.splitlines() if "smarthost" in row]
    assert row.startswith("fail")
    assert "AUTH: 535 5.7.8" in row
    assert "guess" not in secured.bot.log_path.read_text()
    path.write_text(f"{sasl.PASSWORD}\n")
    secured.got("rita@out.example")
    secured.got("alice@members.example")


def test_nothing_leaves_if_the_certificate_is_for_another_name(secured: Site) -> None:
    login(secured)
    change(secured.bot.installation.config, 'tls_name = "mx.example.org"', 'tls_name = "mx.example.net"')
    secured.start(bot_options=SASL)
    secured.swaks("--body", "Keep me.")
    secured.bot.wait(
        lambda: "smarthost does not answer (CertificateRefused)" in secured.bot.log_path.read_text(), "a refusal"
    )
    assert "sasl_username" not in secured.postfix.log
    reason = "the certificate of mx.example.net is not accepted"
    secured.bot.wait(lambda: any(reason in (row["last_error"] or "") for row in outbox(secured)), "the reason")
    assert {(row["state"], row["attempts"]) for row in outbox(secured)} == {("waiting", 0)}


def outbox(made: Site) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = made.bot.json("queue", "list")["outbox"]
    return rows
