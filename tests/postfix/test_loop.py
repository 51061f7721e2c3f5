"""`mailbot check --send` and held mail with a real Postfix around the bot."""

from tests.postfix.site import Site


def test_a_mail_to_itself_goes_through_postfix_and_comes_back(served: Site) -> None:
    before = served.bot.json("issue", "list", "--limit", "0")
    done = served.bot.run("check", "--send", check=False)
    assert "ok    loop       a mail to security@example.org went out and came back" in done.stdout, done.stdout
    assert served.dispositions()[-1] == "own"
    assert served.bot.json("issue", "list", "--limit", "0") == before


def test_a_score_that_the_sender_wrote_holds_nothing(served: Site) -> None:
    count = len(served.dispositions())
    served.swaks(
        "--header", "X-Spam-Score: 99", "--header", "Subject: Overflow", "--body", "It overflows.",
        sender="spam@out.example",
    )  # fmt: skip
    assert served.settled(count + 1)[-1] == "report"
