"""What going through `mailbot.openpgp` costs beside bare gpg.

Pairs are measured interleaved; the bare reference is one `subprocess.run` of gpg with the same flags and keyring, its
output thrown away unread. Memory is the peak of a process of its own, beside what its input holds.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mailbot.openpgp.gpg import Gpg
from mailbot.openpgp.keys import generate
from mailbot.openpgp.process import Gnupg, stop_agent, version
from tests.bench.measure import Row, in_turns, show

TURNS = 5
"""Per pair."""
MAIL = b"".join(b"line %06d of a report that packs about as well as text does\r\n" % number for number in range(320))
LARGE = 25_000_000


def run(pairs: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="mb-"))
    home = folder / "g"
    try:
        group = generate(home, "Group", "security@example.org", None)
        keys = [(generate(folder / str(number), "M", f"m{number}@example.org", None), number) for number in range(50)]
        armored = [Gnupg(folder / str(n)).run(["--armor", "--export", f]).output.decode() for f, n in keys]
        gpg = Gpg(home, group, folder / "s")
        gpg.load(1, armored)
        members = [fingerprint for fingerprint, _ in keys]
        ciphertext = gpg.encrypt([MAIL], [group])
        signature = gpg.sign(MAIL)
        sign = ["--digest-algo", "SHA512", "--armor", "--local-user", group, "--detach-sign"]
        calls: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "decrypt and verify": (_bare(gpg, ["--decrypt"], ciphertext), partial(gpg.decrypt, ciphertext)),
            "sign": (_bare(gpg, sign, MAIL), partial(gpg.sign, MAIL)),
        }
        for count in (10, 50):
            to = members[:count]
            command = ["--sign", "--digest-algo", "SHA512", "--local-user", group, "--armor", "--encrypt"]
            bare = _bare(gpg, command + [word for name in to for word in ("--recipient", name)], MAIL)
            calls[f"sign and encrypt to {count}"] = (bare, partial(gpg.encrypt, [MAIL], to))
        rows = []
        for name, (bare, ours) in calls.items():
            taken = in_turns(pairs, partial(_timed, bare), partial(_timed, ours), each=TURNS)
            rows.append(Row(name, *taken, "ms"))
        show(f"one call through mailbot.openpgp, against bare gpg {'.'.join(map(str, version()))} (wall)", rows)
        start = time.perf_counter()
        gpg.load(2, armored)
        print(f"load of 50 keys: {(time.perf_counter() - start) * 1000:.1f} ms")
        assert gpg.verify(MAIL, signature.armored).good
        gpg.close()
        for what in ("encrypt", "decrypt"):
            _memory(what, home, group, folder)
    finally:
        for path in folder.iterdir():
            stop_agent(path)
        shutil.rmtree(folder, ignore_errors=True)


def _bare(gpg: Gpg, command: list[str], data: bytes) -> Callable[[], object]:
    with gpg._keyrings.current() as ring:
        arguments = gpg._gnupg.command([*ring.options, *command])
    return lambda: subprocess.run(arguments, input=data, capture_output=True, check=True)


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def _memory(what: str, home: Path, group: str, folder: Path) -> None:
    """In a process of its own, because a peak never goes down."""
    arguments = [sys.executable, "-m", "tests.bench.openpgp", "memory", what, str(home), group, str(folder)]
    print(subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout, end="")


def _measure_memory(what: str, home: Path, group: str, folder: Path) -> None:
    import base64

    gpg = Gpg(home, group, folder / "s")
    # The attachment as it stands in a mail; half of what packs to nothing, half of what does not pack.
    original = base64.encodebytes(os.urandom(LARGE * 3 // 8)).replace(b"\n", b"\r\n")
    head = b"x" * 1000
    original += original[: LARGE - len(original)]
    data = gpg.encrypt([original], [group]) if what == "decrypt" else b""
    if what == "decrypt":
        original = b""
    wire = len(data) or len(original)
    # A fresh process image would be cleaner; the peak so far is taken off instead.
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident()
    start = time.perf_counter()
    result = gpg.encrypt([head, original], [group]) if what == "encrypt" else gpg.decrypt(data).plaintext
    seconds = time.perf_counter() - start
    assert result is not None
    peak = _peak()
    print(
        f"{what} {wire / 1e6:.0f} MB: {seconds:.2f} s, result {len(result) / 1e6:.0f} MB, "
        f"peak {(peak - before + wire) / wire:.2f} times the wire (its input among it)"
    )
    gpg.close()


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    _measure_memory(sys.argv[2], Path(sys.argv[3]), sys.argv[4], Path(sys.argv[5]))
