"""A mail that hangs what reads it holds up no others: they are done before anybody has even noticed the hang."""

from pathlib import Path

import pytest

from tests.faults.ledger import Post
from tests.faults.scene import scene
from tests.faults.test_gpg_and_parser import DYING_PARSER, HANGING_GPG, path_of
from tests.openpgp_keys import Lab

LONG = 25
"""Seconds until a hang is noticed, in this test: the others take a tenth of it, on a busy machine half."""


@pytest.mark.parametrize("what", ["parser", "gpg"])
def test_the_others_are_done_while_a_mail_hangs(short_path: Path, lab: Lab, what: str) -> None:
    with scene(short_path, lab) as made:
        path = path_of(made)
        gpg = (path / "gpg").resolve()
        (path / "gpg").unlink()
        (path / "gpg").write_text(HANGING_GPG.format(gpg=gpg, directory=short_path))
        (path / "gpg").chmod(0o700)
        made.orders.put("gpg-seconds", LONG)
        made.orders.put("cage", DYING_PARSER)
        made.orders.put("cage-seconds", LONG)
        post = Post(lab, "bad")
        if what == "parser":
            bad = post.plain(post.address("hangs"), text="This hangs the parser.\n")
        else:
            bad = post.encrypted(post.address("gpg"), "--comment", "hang")
        made.bot.start()
        made.ledger.hand_in_all([[bad]])
        made.ledger.hand_in_all(made.handful("good"))
        made.wait(
            lambda: made.query("SELECT count(*) FROM inbox WHERE state = 'done'") == [(6,)],
            "the mails that do not hang",
        )
        assert "failed failures=" not in made.log()
        assert made.query("SELECT state FROM inbox WHERE id = 1") == [("new",)]
