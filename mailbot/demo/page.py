"""What a person sees of the demo, in a terminal or as plain text.

Every string from a mail becomes a `Text`, never markup: ``[EX-1]`` is no style.
"""

from pathlib import Path

from rich.console import Console, Group
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mailbot.demo import cast
from mailbot.demo.cast import ALICE, BOB, CAROL, ERIK, OLGA, OTTO, RITA, Kind, Role
from mailbot.demo.installation import ESCALATE_SECONDS, REMIND_SECONDS
from mailbot.demo.playbill import Playbill, Received
from mailbot.demo.story import ENCRYPTED, PLAIN

WIDTH = 80
TEXT_LINES = 48
"""Of one mail: the longest that the bot itself writes fits. What is cut is said."""

# Each of the bot's texts once. What others got of the same kind differs in names, numbers and times.
_IN_FULL = {
    (RITA, PLAIN, Kind.ACKNOWLEDGEMENT),
    (RITA, PLAIN, Kind.ESCALATION),
    (RITA, PLAIN, Kind.ANSWER),
    (ALICE, PLAIN, Kind.CLAIM),
    (ALICE, PLAIN, Kind.ANSWERED),
    (BOB, PLAIN, Kind.ANSWER),
    (ALICE, ENCRYPTED, Kind.RELAY),
    (ALICE, ENCRYPTED, Kind.REMINDER),
    (BOB, PLAIN, Kind.RELAY),
    (BOB, PLAIN, Kind.ESCALATION),
    (CAROL, ENCRYPTED, Kind.RELAY),
    (ERIK, ENCRYPTED, Kind.ESCALATION),
}


def console() -> Console:
    """On standard output, at most 80 columns wide: mail is."""
    width = min(Console().width, WIDTH)
    return Console(width=width, highlight=False, emoji=False, markup=False)


def opening(out: Console) -> None:
    grid = _grid()
    members = ", ".join(f"{one.name} ({'has a key' if one.has_key else 'no key'})" for one in cast.MEMBERS)
    for label, text in (
        ("Group", f"{cast.GROUP_NAME} <{cast.GROUP_ADDRESS}>"),
        ("Members", members),
        ("Reporters", f"{RITA.name} writes plain mail, {OTTO.name} uses OpenPGP"),
        ("Others", f"{ERIK.name}, {ERIK.role}; {OLGA.name}, {OLGA.role}"),
        ("Clock", f"shortened: the reminder comes after {REMIND_SECONDS} s instead of 24 h, the escalation after "
                  f"{ESCALATE_SECONDS} s instead of 48 h; the dates in the mails say so"),
    ):  # fmt: skip
        grid.add_row(Text(label, style="dim"), Text(text))
    out.print(Text("Two reports, and nobody answers.", style="bold"))
    out.print("A real bot on this machine, with throw-away keys; no mail leaves it.\n")
    out.print(grid)
    out.print()


def programme(out: Console, bill: Playbill) -> None:
    """What everybody received, if anything."""
    if not bill.received:
        return
    out.print(Text("\nWhat each person received, and how long after the report", style="bold"))
    for person in cast.CAST:
        out.print()
        out.print(Rule(Text(person.described, style="bold"), align="left", characters="─"))
        mails = sorted(bill.of(person), key=lambda mail: (mail.expected.issue if mail.expected else "", mail.at))
        out.print(_list(mails) if mails else "no mail")
        for mail in mails:
            if mail.expected and (person, mail.expected.issue, mail.expected.kind) in _IN_FULL:
                out.print(_panel(mail))
        if person.role is Role.OPERATOR:
            _operator(out, bill)


def closing(out: Console, bill: Playbill, kept: Path | None, log: Path | None) -> None:
    """What was checked, what failed, where everything is, what to do next."""
    out.print()
    out.print(Rule(Text("Checked", style="bold"), align="left", characters="─"))
    for check in bill.checks:
        mark, style = ("ok", "green") if check.ok else ("NO", "bold red")
        out.print(Text.assemble((f"{mark:<4}", style), check.what))
    for one in bill.missing:
        out.print(Text.assemble((f"{'NO':<4}", "bold red"), one))
    if not bill.missing:
        out.print(Text.assemble((f"{'ok':<4}", "green"), f"all {len(bill.received)} mails arrived, and none too many"))
    out.print()
    if kept is not None:
        out.print(Text(f"Everything is in {kept}, the mails in received/ there.", overflow="fold"))
    if log is not None:
        out.print(Text(f"The bot's log is {log}", overflow="fold"))
    if bill.failures:
        out.print(Text(f"The demo failed after {bill.seconds:.0f} s.", style="bold red"))
        return
    out.print(Text(f"Done in {bill.seconds:.0f} s. For your own group:", style="bold"))
    out.print(
        "  mailbot init DIR                         asks for name, address and prefix\n"
        "  mailbot --config DIR/mailbot.toml check  says what is missing, and the mend\n"
        "  docs/operator.md                         members, DNS, mail server, running"
    )


def _list(mails: list[Received]) -> Table:
    """One line per mail: when, what its receiver's program lists, and what could be read on the way."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True, pad_edge=False)
    table.add_column("after", justify="right", width=6, no_wrap=True)
    same = all(mail.shown.subject == mail.shown.outer_subject for mail in mails)
    table.add_column("subject", ratio=1, no_wrap=True, overflow="ellipsis")
    if not same:
        table.add_column("subject on the way", width=31, no_wrap=True, overflow="ellipsis")
    for mail in mails:
        cells = [Text(f"{mail.after:.1f} s"), Text(mail.shown.subject)]
        table.add_row(*cells, *([] if same else [Text(mail.shown.outer_subject, style="yellow")]))
    return table


def _panel(mail: Received) -> Panel:
    shown = mail.shown
    head = _grid()
    rows = [
        ("From", Text(shown.sender)),
        ("Subject", Text(shown.subject, style="bold")),
        ("Received", Text(f"{mail.at:%H:%M:%S} UTC, {mail.after:.1f} s after the report")),
        ("OpenPGP", _openpgp(mail)),
    ]
    if shown.encrypted:
        rows.append(("Outside", Text(f"Subject: {shown.outer_subject}", style="yellow")))
    if shown.attachments:
        rows.append(("Attached", Text(", ".join(shown.attachments))))
    for label, value in rows:
        head.add_row(Text(label, style="dim"), value)
    return Panel(Group(head, Rule(style="dim"), _cut(shown.text)), padding=(0, 1), border_style="dim")


def _openpgp(mail: Received) -> Text:
    good = mail.shown.signature == "good"
    said = ("encrypted; " if mail.shown.encrypted else "in clear; ", "")
    return Text.assemble(
        said,
        "signed by the group's key: " if good else "signature: ",
        (mail.shown.signature, "green" if good else "red"),
    )


def _cut(text: str) -> Text:
    lines = text.strip("\n").split("\n")
    if len(lines) <= TEXT_LINES:
        return Text("\n".join(lines))
    return Text.assemble("\n".join(lines[:TEXT_LINES]), (f"\n... and {len(lines) - TEXT_LINES} more lines", "dim"))


def _operator(out: Console, bill: Playbill) -> None:
    for line, answer in bill.operator.items():
        out.print(Text(f"\n$ {line}", style="dim"))
        out.print(Text(answer.rstrip("\n")), no_wrap=True, overflow="ellipsis")


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    return grid
