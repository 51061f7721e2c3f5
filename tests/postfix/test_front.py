"""Postfix in front: mail from the world comes through it, by LMTP over a UNIX socket and by SMTP, as documented."""

import re
import smtplib

from tests.bot import PATIENCE
from tests.postfix.server import statuses
from tests.postfix.site import Site
from tests.world import mail


def keyed_address(ack: object) -> str:
    found = re.search(r"security\+\d+\.[a-z0-9]+@example\.org", str(ack))
    assert found is not None
    return found[0]


def test_a_report_reaches_the_members_and_its_reporter_is_told(served: Site) -> None:
    served.swaks("--header", "Subject: Overflow", "--body", "The parser overflows.")
    (relay,) = served.got("alice@members.example")
    assert relay.encrypted
    assert "The parser overflows." in relay.text
    assert relay.sender.startswith("security+bounce.")
    (ack,) = served.got("rita@out.example")
    assert "The parser overflows." not in ack.raw.decode()
    served.got("bob@members.example")
    served.got("dave@members.example")


def test_one_mail_to_two_of_our_addresses_is_one_mail_and_postfix_hears_of_both(served: Site) -> None:
    before = len(served.dispositions())
    served.swaks(
        "--body", "Twice the address.", to="security@example.org,security+42@example.org", sender="t@out.example"
    )
    assert served.settled(before + 1)[before:] == ["report"]
    for address in ("security@example.org", "security+42@example.org"):
        assert statuses(served.postfix.log, address)[-1] == "sent"
    served.got("alice@members.example")


def test_an_answer_to_the_reply_address_is_a_follow_up(served: Site) -> None:
    served.swaks("--body", "First.", sender="fred@out.example")
    (ack,) = served.got("fred@out.example")
    keyed = keyed_address(ack.mail["Reply-To"])
    before = len(served.dispositions())
    served.swaks("--header", "Subject: more", "--body", "Second.", to=keyed, sender="fred@out.example")
    assert served.settled(before + 1)[before:] == ["follow-up"]
    first, second = served.got("alice@members.example", 2)
    assert "Second." in second.text
    assert second.subject.startswith(first.subject[:6])


def test_the_key_is_sent_to_whoever_asks_for_it(served: Site) -> None:
    served.swaks(to="security+key@example.org", sender="kim@out.example")
    (answer,) = served.got("kim@out.example")
    assert b"BEGIN PGP PUBLIC KEY BLOCK" in answer.raw


def test_mail_for_an_extension_that_the_bot_does_not_have_comes_back_from_postfix(served: Site) -> None:
    before = len(served.dispositions())
    served.swaks(to="security+nonsense@example.org", sender="lost@out.example")
    (bounce,) = served.got("lost@out.example")
    assert "Unknown recipient" in bounce.raw.decode()
    assert len(served.dispositions()) == before


def test_a_report_waits_in_postfix_while_the_bot_is_away(served: Site) -> None:
    assert served.bot.stop() == 0
    try:
        served.swaks("--body", "While you were out.", sender="wait@out.example")
        served.bot.wait(lambda: "deferred" in statuses(served.postfix.log, "security@example.org"), "the first try")
    finally:
        served.bot.start()
    served.got("wait@out.example")
    assert "While you were out." in served.got("alice@members.example")[0].text


def test_a_reporter_with_an_international_address_is_answered(served: Site) -> None:
    author = "jörg@bücher.example"
    raw = mail("Grüße, Käse.\n", author=f"Jörg <{author}>", message_id="<1@xn--bcher-kva.example>")
    with smtplib.SMTP("127.0.0.1", served.postfix.world, timeout=PATIENCE) as smtp:
        smtp.ehlo("out.example")
        smtp.sendmail(author, ["security@example.org"], raw, ["SMTPUTF8", "BODY=8BITMIME"])
    (relay,) = served.got("alice@members.example")
    assert "Grüße, Käse." in relay.text
    assert author in relay.text
    (ack,) = served.got(author)
    assert ack.raw.isascii()
