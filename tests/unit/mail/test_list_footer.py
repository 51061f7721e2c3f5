"""Footers of lists are kept and marked; what an author wrote is never taken for one."""

import pytest

from mailbot.mail.list_footer import marked, start

NAME = "security@lists.example.org"
TEXT = "It crashes.\n\n-- \nRosa\n"
FOOTERS = {
    "mailman 2": "_______________________________________________\nSecurity mailing list\nSecurity@lists.example.org\nhttps://lists.example.org/listinfo/security\n",
    "mailman 3": "_______________________________________________\nSecurity mailing list -- security@lists.example.org\nTo unsubscribe send an email to security-leave@lists.example.org\n",
    "google": '-- \nYou received this message because you are subscribed to the Google Groups "Security" group.\nTo unsubscribe from this group and stop receiving emails from it, send an email to security+unsubscribe@lists.example.org.\n',
    "groups.io": "-=-=-=-=-=-=-=-=-=-=-=-\nGroups.io Links: You receive all messages sent to this group.\nView/Reply Online (#1): https://groups.io/g/x\nMute: https://groups.io\n-=-=-=-=-=-=-=-=-=-=-=-\n",
    "listserv": "############################\n\nTo unsubscribe from the SECURITY list:\nwrite to: mailto:SECURITY-SIGNOFF@LISTS.EXAMPLE.ORG\n",
    "german": "--------------------\nZum Abmelden eine Mail an security-leave@lists.example.org\n",
}


@pytest.mark.parametrize("kind", FOOTERS)
def test_a_footer_is_kept_and_marked(kind: str) -> None:
    found = marked(TEXT + FOOTERS[kind], NAME)
    assert found == f"{TEXT}\n[Added by the mailing list {NAME}:]\n{FOOTERS[kind]}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT,
        "The unsubscribe link of the mailing list has an XSS.\n",
        "----------\nregs: 0x41414141\n----------\nThe mailing list code crashes.\n" + "more\n" * 40,
        "-- \nRosa Reporter\nUniversity\n",
    ],
)
def test_what_the_author_wrote_is_no_footer(text: str) -> None:
    assert start(text, NAME) is None
    assert marked(text, NAME) == text


def test_a_footer_alone_is_marked_too() -> None:
    assert marked(FOOTERS["google"], NAME).startswith("[Added by the mailing list")
