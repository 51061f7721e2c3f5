"""Reads mutated mails until the time is up: ``python -m tests.fuzz [--seconds N] [--seed N]``.

Mutations cut, repeat, swap and splice the mails of `seeds`; so they do with what gpg says about them (status lines, key
listings). Read are: the mail, its authors and verdicts, protected headers, armor, and everything that `opening` and
`carried_keys` do with gpg's answers, whatever those are. Whatever raises, except `OverLimit` and gpg's own troubles,
whatever takes longer than two seconds, and whatever goes beyond a limit, is printed with what is needed to repeat it,
and the exit status is 1. What is found becomes a test in ``tests/properties/test_fuzz_finds.py``.
"""

import argparse
import random
import sys
import time
import traceback

from mailbot.cage import protocol
from mailbot.mail import armor, markup
from mailbot.mail.authenticity import authentication
from mailbot.mail.author import authors
from mailbot.mail.auto_reply import automatic
from mailbot.mail.bounce import deliveries, is_bounce, returned_message_ids, stated
from mailbot.mail.list_footer import marked
from mailbot.mail.mailing_list import passage
from mailbot.mail.message_id import message_ids
from mailbot.mail.parse import OverLimit, parse
from mailbot.mail.protected_headers import applied, payload_part, protected
from tests.fuzz import openpgp
from tests.fuzz.seeds import SEEDS, SPLICES

SECONDS_EACH = 2.0


def mutated(chance: random.Random) -> bytes:
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((1, 1, 2, 4, 8, 32))):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.choice((1, 2, 8, 64)))
        match chance.randrange(7):
            case 0:
                del data[at:to]
            case 1:
                data[at:at] = data[at:to] * chance.choice((1, 3, 100))
            case 2:
                data[at:at] = chance.choice(SPLICES) * chance.choice((1, 1, 5, 300))
            case 3 if at < len(data):
                data[at] = chance.randrange(256)
            case 4:
                other = chance.choice(SEEDS)
                start = chance.randrange(len(other))
                data[at:at] = other[start : start + chance.choice((10, 100, 1_000))]
            case 5:
                data = data.replace(b"\r\n", b"\n")
            case _:
                data[at:to] = bytes(reversed(data[at:to]))
    return bytes(data)


def read(raw: bytes) -> None:
    """Everything that looks at a stranger's mail."""
    text = raw.decode("latin-1")
    markup.text(text, 1_000)
    for block in armor.blocks(text):
        if text[block.start : block.end] != block.text or len(block.armored()) > len(block.text) + 60:
            raise AssertionError("a block that does not stand there")
        if block.kind is armor.Kind.MESSAGE and not armor.has_message(block.armored()):
            raise AssertionError("a message that is none any more")
    armor.is_ciphertext(raw)
    try:
        mail = parse(raw)
    except OverLimit:
        return
    if protocol.decode(protocol.encode(mail), len(raw)) != mail:
        raise AssertionError("the cage's protocol changes the structure")
    for author in authors(mail):
        if author.address.encode() not in raw:
            raise AssertionError("an address that does not stand there")
    automatic(mail, ("list@example.org",))
    authentication(mail, ("mx.example.org",)).words()
    is_bounce(mail, "")
    deliveries(raw, mail)
    returned_message_ids(raw, mail)
    stated(mail.text)
    passage(mail, ("list@example.org", "list.example.com"))
    marked(mail.text, "list@example.org")
    message_ids(mail.header("References"))
    part = payload_part(mail)
    try:
        inside = protected(parse(raw[part.start : part.end]))
    except OverLimit:
        return
    if inside is not None:
        applied(mail.headers, inside)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = arguments.parse_args()
    chance = random.Random(options.seed)
    end = time.monotonic() + options.seconds
    count = 0
    worst = 0.0
    while time.monotonic() < end:
        raw = mutated(chance)
        started = time.process_time()
        try:
            read(raw)
            openpgp.read(raw, chance, mutated)
        # Whatever it is, it is what we look for.
        except Exception:  # noqa: BLE001
            traceback.print_exc()
            print(f"after {count} mails with --seed {options.seed}: {raw!r}")
            return 1
        taken = time.process_time() - started
        worst = max(worst, taken)
        if taken > SECONDS_EACH:
            print(f"{taken:.1f} s after {count} mails with --seed {options.seed}: {raw!r}")
            return 1
        count += 1
    print(f"{count} mails read, the slowest in {worst:.3f} s of CPU time (--seed {options.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
