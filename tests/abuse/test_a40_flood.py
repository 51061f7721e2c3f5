"""A flood of reports from forged senders: every one is kept and relayed, and the caps on answers hold."""

import smtplib
from collections import Counter
from pathlib import Path

from tests.abuse.victim import victim
from tests.bot import PATIENCE
from tests.openpgp_keys import Lab
from tests.world import mail

REPORTS = 300
CONFIG = """
[ack]
per_hour = 25

# Each opens an issue here; what is held is for tests of its own.
[hold]
per_sender = 1000

[slo]
first_response_remind = "1d"
first_response_escalate = "2d"
"""


def test_a40_a_flood_is_kept_and_answered_within_the_caps(short_path: Path, lab: Lab) -> None:
    with victim(short_path, lab, extra=CONFIG, more_members="") as abused:
        abused.bot.stop()
        abused.bot.start("listener")
        with smtplib.SMTP("127.0.0.1", abused.bot.port, timeout=PATIENCE) as smtp:
            for number in range(REPORTS):
                # Every fourth claims to be the same person.
                author = "same@out.example" if number % 4 == 0 else f"forged{number}@out.example"
                raw = mail(f"Report {number}\n", author=author, message_id=f"<flood{number}@x>", subject=f"{number}")
                smtp.sendmail(author, ["security@example.org"], raw)
        assert abused.query("SELECT count(*) FROM inbox") == [(REPORTS,)]
        abused.bot.stop()
        abused.bot.start("worker")
        abused.bot.wait(
            lambda: abused.query("SELECT count(*) FROM inbox WHERE state = 'done'") == [(REPORTS,)],
            "the flood to be handled",
        )
        assert Counter(abused.dispositions()) == {"report": REPORTS}
        assert abused.query("SELECT count(*) FROM issue") == [(REPORTS,)]
        answered = "SELECT count(*) FROM notice WHERE event = 'acknowledgement'"
        assert abused.query(answered) == [(25,)]
        relayed = "SELECT count(*) FROM notice WHERE event = 'report'"
        assert abused.query(relayed) == [(REPORTS,)]
