"""Who is not answered: machines and lists, by their headers alone."""

import pytest

from mailbot.mail.auto_reply import Automatic, automatic
from mailbot.mail.mailing_list import over
from mailbot.mail.parse import parse
from mailbot.mail.structure import Structure


def mail(*fields: str) -> Structure:
    return parse(("\r\n".join(("From: a@example.com", "Subject: Out of office bug", *fields)) + "\r\n\r\nx").encode())


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "AUTO-SUBMITTED: Auto-Replied; owner-email=x@example.com",
        "X-Autoreply: yes",
        "x-autorespond: Vacation",
        "X-Auto-Reply-From: x@example.com",
        "X-AutoResponder: 1",
        "Precedence: auto_reply",
        "Precedence: autoreply",
        "Preference: auto_reply",
        "X-Amazon-Auto-Reply: true",
        "X-FC-MachineGenerated: true",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
    ],
)
def test_a18_automatic_answers_are_recognised(field: str) -> None:
    assert automatic(mail(field)) is Automatic.REPLY
    assert automatic(mail("Auto-Submitted: auto-generated", field)) is Automatic.REPLY


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-generated",
        "auto-submitted: (comment) auto-notified",
        "Auto-Submitted:",
        "Auto-Submitted: nonsense",
        "X-Auto-Submitted: auto-generated",
        "Precedence: bulk",
        "precedence: JUNK",
        "X-Auto-Response-Suppress: All",
        "x-auto-response-suppress: DR, RN, NRN, OOF, AutoReply",
        "X-Loop: tickets@help.example",
        "X-RT-Loop-Prevention: help.example",
        "X-ServiceNow-Generated: true",
        "X-GitHub-Reason: subscribed",
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b",
    ],
)
def test_a18_machines_are_recognised(field: str) -> None:
    assert automatic(mail(field)) is Automatic.MACHINE


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "auto-submitted: No",
        "Auto-Submitted: no (really)",
        "Auto-Submitted: no; x=y",
        "X-Auto-Response-Suppress: OOF, DR, RN, NRN",
        "X-Auto-Response-Suppress: All\r\nAuto-Submitted: no",
        "X-Loop: no",
        "Precedence: normal",
        "Precedence: first-class",
        "X-Autoreply: no",
        "X-Mailer: autoreply bulk list",
        "Subject: Auto-Submitted: auto-replied",
        "X-Note: Precedence: bulk",
    ],
)
def test_people_are_not_taken_for_machines(field: str) -> None:
    assert automatic(mail(field)) is None


@pytest.mark.parametrize(
    "field",
    [
        "List-Id: Dev <dev.lists.example.org>",
        "list-id: <dev.lists.example.org>",
        "List-Post: <mailto:dev@lists.example.org>",
        "List-Unsubscribe: <https://example.org/u>",
        "Precedence: list",
        "X-Mailing-List: dev@example.org",
    ],
)
def test_a42_lists_are_recognised(field: str) -> None:
    assert automatic(mail(field)) is Automatic.LIST


@pytest.mark.parametrize(
    "fields",
    [
        ("List-Post: <mailto:Security@Lists.example.org>", "Precedence: list", "List-Id: x <y.z>"),
        ("List-Id: Security reports <security.lists.example.org>", "Precedence: bulk"),
        ("List-Id: security.lists.example.org",),
        ("X-Mailing-List: <security@lists.example.org>",),
    ],
)
@pytest.mark.parametrize("configured", ["security@lists.example.org", "Security.Lists.Example.Org"])
def test_an_intake_list_is_no_list_traffic(fields: tuple[str, ...], configured: str) -> None:
    assert automatic(mail(*fields), (configured,)) is None
    assert over(mail(*fields), (configured,)) == configured
    assert automatic(mail(*fields)) is not None


def test_a_machine_behind_an_intake_list_is_still_a_machine() -> None:
    both = mail("List-Id: <security.lists.example.org>", "Auto-Submitted: auto-generated")
    assert automatic(both, ("security@lists.example.org",)) is Automatic.MACHINE


def test_another_list_is_no_intake_list() -> None:
    other = mail("List-Id: Security <security.lists.example.org.evil.example>", "Precedence: list")
    assert automatic(other, ("security@lists.example.org",)) is Automatic.LIST
