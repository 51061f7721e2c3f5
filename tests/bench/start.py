"""How long until mail is accepted: from exec of `mailbot serve` (all roles) to the greeting and to the 250 of a mail.

The reference is a Python that imports `sqlalchemy.orm`. And `mailbot --help` against a Python that does nothing.
"""

import smtplib
import subprocess
import sys
import time

from tests.bench import mails
from tests.bench.installation import Installation, end, installed
from tests.bench.measure import Row, in_turns, show


def run(pairs: int) -> None:
    greetings: list[float] = []
    with installed(members=2) as made:
        _start(made, greetings)
        greetings.clear()
        accepted, imported = in_turns(pairs, lambda: _python("import sqlalchemy.orm"), lambda: _start(made, greetings))
        helped, bare = in_turns(pairs, lambda: _python("pass"), lambda: _run([*made.command, "--help"]), each=5)
    show(
        "start, against a Python that imports sqlalchemy.orm (wall)",
        [Row("until 220", greetings, imported, "ms", 1.5), Row("until 250 to a mail", accepted, imported, "ms", 1.5)],
    )
    show("mailbot --help, against a Python that does nothing (wall)", [Row("--help", helped, bare, "ms", 4)])
    imports = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mailbot", "--help"], capture_output=True, text=True, check=True
    ).stderr
    heavy = [name for name in ("sqlalchemy", "gnupg", "pydantic", "jinja2", "aiosmtpd") if name in imports]
    print(f"--help imports of the heavy libraries: {', '.join(heavy) or 'none'}", flush=True)


def _start(made: Installation, greetings: list[float]) -> float:
    """Milliseconds until the first 250 to a mail; those until the 220 go to `greetings`."""
    start = time.perf_counter()
    with (made.directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [*made.command, "serve"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        smtp = smtplib.SMTP(timeout=60)
        while True:
            try:
                smtp.connect("127.0.0.1", made.port)
                break
            except ConnectionRefusedError:
                time.sleep(0.001)
        greetings.append((time.perf_counter() - start) * 1000)
        smtp.sendmail("rita@out.example", ["security@example.org"], mails.plain(time.monotonic_ns()))
        accepted = (time.perf_counter() - start) * 1000
        smtp.quit()
        # Its end must not disturb the next measurement, and neither what the other roles still load.
        assert process.stdout is not None
        assert process.stdout.readline() == b"mailbot ready\n"
        return accepted
    finally:
        end(process)


def _python(code: str) -> float:
    return _run([sys.executable, "-c", code])


def _run(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000
