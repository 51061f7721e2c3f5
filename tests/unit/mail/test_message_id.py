import pytest

from mailbot.mail.message_id import IDS, LENGTH, message_ids


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@b>", ("<a@b>",)),
        ("<a@b> <c@d>", ("<a@b>", "<c@d>")),
        ("<a@b><c@d>", ("<a@b>", "<c@d>")),
        ("<a@b> <a@b>", ("<a@b>",)),
        ('Your message of "Mon" <a@b>', ("<a@b>",)),
        ("a@b", ("<a@b>",)),
        ("a@b c@d", ()),
        ("nothing", ()),
        ("<a b@c>", ()),
        ("<<a@b>", ("<a@b>",)),
        ("", ()),
        ("<" + "x" * LENGTH + ">", ()),
    ],
)
def test_ids(value: str, ids: tuple[str, ...]) -> None:
    assert message_ids(value) == ids


def test_the_last_ones_count() -> None:
    found = message_ids(" ".join(f"<{number}@x>" for number in range(1_000)))
    assert len(found) == IDS
    assert found[-1] == "<999@x>"
