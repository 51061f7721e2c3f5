"""Addresses with an extension, as a Postfix delivers them that knows none, or another delimiter."""

import re
from collections.abc import Iterator

import pytest

from tests.openpgp_keys import Lab
from tests.postfix.site import Site, site


@pytest.fixture(scope="module")
def without(lab: Lab) -> Iterator[Site]:
    with site(lab, "lmtp over a unix socket") as made:
        # Everything behind the plus sign is cut off on the way, as behind an old alias file.
        root = made.postfix.root
        (root / "conf" / "lost").write_text("/^security[+].*@example[.]org$/ security@example.org\n")
        made.start(f"recipient_delimiter =\nvirtual_alias_maps = regexp:{root}/conf/lost\n")
        yield made


def report(made: Site, author: str) -> tuple[str, str, str]:
    """Have `author` report something: the Message-ID of the acknowledgement, its reply address, its subject."""
    made.swaks("--header", "Subject: first", "--body", "First.", sender=author)
    (ack,) = made.got(author)
    keyed = re.findall(r"security\+\d+\.[a-z0-9]+@example\.org", str(ack.mail["Reply-To"]))
    return str(ack.mail["Message-ID"]), keyed[0], str(ack.mail["Subject"])


def test_an_answer_threads_by_its_references_when_the_extension_is_lost(without: Site) -> None:
    message_id, keyed, _ = report(without, "ref@out.example")
    before = len(without.dispositions())
    without.swaks(
        "--header", "Subject: something else", "--header", f"In-Reply-To: {message_id}",
        "--header", f"References: <other@x> {message_id}", "--body", "Second.", to=keyed, sender="ref@out.example",
    )  # fmt: skip
    assert without.settled(before + 1)[before:] == ["follow-up"]
    relay = without.got("alice@members.example", 2)[-1]
    assert "Second." in relay.text
    # Nothing proves who wrote it now, and the members are told.
    assert "NOT AUTHENTICATED" in relay.text


def test_an_answer_threads_by_its_subject_when_that_is_all_that_is_left(without: Site) -> None:
    without.begin()
    _, keyed, subject = report(without, "subject@out.example")
    number = subject[: subject.index("]") + 1]
    before = len(without.dispositions())
    without.swaks("--header", f"Subject: AW: {subject}", "--body", "Second.", to=keyed, sender="subject@out.example")
    assert without.settled(before + 1)[before:] == ["follow-up"]
    assert without.got("alice@members.example", 2)[-1].subject.startswith(number)


def test_a_stranger_with_the_same_subject_opens_an_issue(without: Site) -> None:
    without.begin()
    _, keyed, subject = report(without, "known@out.example")
    before = len(without.dispositions())
    without.swaks("--header", f"Subject: Re: {subject}", "--body", "Hello.", to=keyed, sender="stranger@out.example")
    assert without.settled(before + 1)[before:] == ["report"]
    assert f"mentions {subject[1 : subject.index(']')]}" in without.got("alice@members.example", 2)[-1].text


def test_a_quoted_local_part_is_the_same_address(without: Site) -> None:
    without.begin()
    before = len(without.dispositions())
    without.swaks("--body", "Quoted.", to='"security"@example.org', sender="quoted@out.example")
    assert without.settled(before + 1)[before:] == ["report"]
