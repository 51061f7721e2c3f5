"""Third-party sample mails, read where they are: in ``MAILBOT_CORPUS``, or in ``../shared/corpus`` beside the checkout.

They are under licences of their own and not part of this project. Whether they are there is said by one test, and the
rules that they are held to are also tested on mails that are made here.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.mail.author import authors
from mailbot.mail.auto_reply import automatic
from mailbot.mail.bounce import is_bounce
from mailbot.mail.parse import content, parse
from mailbot.mail.protected_headers import Form, payload_part, protected
from mailbot.mail.structure import Structure

# Read at import, because tests are isolated from the environment by then.
CORPUS = Path(os.environ.get("MAILBOT_CORPUS") or Path(__file__).parents[2].parent / "shared" / "corpus")
MADE_HERE = {
    "plain": b"From: a@example.com\r\nSubject: x\r\n\r\nbody\r\n",
    "multipart": (
        b"From: Ann <a@example.com>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--b--\r\n"
    ),
    "unfinished": b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 2 + b"x",
    "garbage": bytes(range(1, 256)),
    "protected": (
        b"From: Alice Lovelace <alice@example.org>\r\nSubject: The FooCorp contract\r\n"
        b"Content-Type: multipart/mixed; boundary=b; protected-headers=v1\r\n\r\n"
        b"--b\r\nContent-Type: text/plain; protected-headers=v1\r\n\r\nSubject: The FooCorp contract\r\n\r\n"
        b"--b\r\n\r\nHi Bob!\r\n--b--\r\n"
    ),
}


def mails(folder: str, *suffixes: str) -> Iterator[Path]:
    return (path for path in sorted((CORPUS / folder).rglob("*")) if path.is_file() and path.name.endswith(suffixes))


SAMPLES = {
    str(path.relative_to(CORPUS)): path
    for path in (
        *mails("mime-malformed", ".eml"),
        *mails("protected-headers", ".eml", ".inner"),
        *mails("mailman-pgp", ".eml"),
        *mails("email_reply_trimmer/test/emails", ".txt"),
    )
}


def test_the_corpus_is_whole_or_absent() -> None:
    assert not SAMPLES or len(SAMPLES) >= 168, f"{len(SAMPLES)} sample mails in {CORPUS}"


def sample(name: str) -> bytes:
    return MADE_HERE[name] if name in MADE_HERE else SAMPLES[name].read_bytes()


@pytest.mark.parametrize("name", [*MADE_HERE, *SAMPLES])
def test_a_sample_is_read_and_nothing_of_it_is_lost(name: str) -> None:
    raw = sample(name)
    mail = parse(raw)
    assert Structure.from_json(json.loads(json.dumps(mail.to_json())), len(raw)) == mail
    for part in mail.root.walk():
        assert 0 <= part.start <= part.body <= part.end <= len(raw)
    leaves = [part for part in mail.root.walk() if not part.children]
    shown_or_listed = bool(mail.text) + len(mail.attachments)
    assert shown_or_listed or not any(content(raw, leaf).strip() for leaf in leaves) or mail.defects
    authors(mail)
    assert not is_bounce(mail, "reporter@example.com")
    automatic(mail)


@pytest.mark.parametrize("name", [*MADE_HERE, *SAMPLES])
def test_line_ends_do_not_matter(name: str) -> None:
    unix = sample(name).replace(b"\r\n", b"\n")
    network = unix.replace(b"\n", b"\r\n")
    if b"\0" not in unix:
        # In UTF-16 a line feed is half a character.
        assert parse(unix).text == parse(network).text
    assert parse(unix).headers == parse(network).headers
    assert [part.content_type for part in parse(unix).root.walk()] == [
        part.content_type for part in parse(network).root.walk()
    ]


@pytest.mark.parametrize(
    "name", ["protected", *(name for name in SAMPLES if "protected-headers" in name and ".inner" in name)]
)
def test_protected_subjects_are_found_and_their_copies_are_not_shown(name: str) -> None:
    raw = sample(name)
    mail = parse(raw)
    part = payload_part(mail)
    if part.content_type == "application/pkcs7-mime":
        # Opaque S/MIME, which is not read.
        assert protected(mail) is None
        return
    found = protected(parse(raw[part.start : part.end]))
    assert found is not None
    assert found.form is Form.DRAFT
    assert found.header("Subject") in ("BarCorp contract signed, let's go!", "The FooCorp contract")
    assert found.header("From").startswith("Alice Lovelace <alice@")
    assert "Subject:" not in mail.text
    assert mail.text.startswith(("Hi Bob!", "Bob, we need"))


def expected_texts(name: str) -> list[str]:
    """What the samples' own expectation says is text."""
    if name in MADE_HERE:
        return {"plain": ["body"], "multipart": ["one"]}[name]
    expected = json.loads(SAMPLES[name].with_suffix(".json").read_text())
    bodies = [expected["parts"][number]["body"] for number in expected["text_body"]]
    return [body.get("Text", "") for body in bodies if isinstance(body, dict)]


@pytest.mark.parametrize(
    "name",
    ["plain", "multipart", *(name for name in SAMPLES if "mime-malformed" in name and "thirdparty" not in name)],
)
def test_the_samples_text_is_shown_or_what_is_wrong_is_said(name: str) -> None:
    mail = parse(sample(name))
    for text in expected_texts(name):
        assert all(word in mail.text for word in text.split()) or mail.defects
