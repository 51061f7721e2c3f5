"""``[metrics]``: an HTTP port that says how the installation does, for Prometheus and for any other monitoring.

In: a function that gives the vitals. Out: ``/metrics`` in Prometheus' text format (version 0.0.4), ``/health`` as JSON
with status 200 or 503. No label and no value tells anything of a mail, a person or an issue. Failure to read the vitals
is an answer with status 500 and no detail, and a line in the log.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mailbot import maillog
from mailbot.service.health import Vitals, problems

_REQUEST_SECONDS = 5.0
"""What a client may take to ask; there is nothing to upload."""

_HELP = {
    "unhandled": ("mails accepted and not handled yet", "unhandled_mails"),
    "unhandled_age": ("age of the oldest of them", "unhandled_oldest_seconds"),
    "unwritten": ("events whose mails are not written yet", "unwritten_notices"),
    "unwritten_age": ("age of the oldest of them", "unwritten_oldest_seconds"),
    "unsent": ("outgoing mails that wait", "unsent_mails"),
    "unsent_age": ("age of the oldest of them", "unsent_oldest_seconds"),
    "held": ("mails that wait for a decision", "held_mails"),
    "quarantined": ("mails that could not be handled and were relayed raw", "quarantined_mails"),
    "undelivered": ("outgoing mails that failed or bounced", "undelivered_mails"),
    "open_issues": ("issues that are not closed", "open_issues"),
    "scheduler_lag": ("how late the oldest clock is that has not fired", "scheduler_lag_seconds"),
    "group_key_days": ("days until the group's key ends", "group_key_expires_days"),
    "members_key_days": ("days until the first of the members' keys ends", "members_key_expires_days"),
    "free_bytes": ("room on the disk of the database", "free_bytes"),
}
"""Field of the vitals -> (what it is, the metric's name without its prefix)."""


def report(vitals: Vitals) -> dict[str, object]:
    """The vitals and what is wrong, as plain JSON values: what ``/health`` and `mailbot health --json` say."""
    found = list(problems(vitals))
    return {
        "healthy": not any(problem.grave for problem in found),
        "problems": [asdict(problem) for problem in found],
        **{name: getattr(vitals, field) for field, (_, name) in _HELP.items()},
    }


def exposition(vitals: Vitals) -> str:
    """The vitals in Prometheus' text format. What has no value (a key that never ends) is left out."""
    lines = []
    for field, (what, name) in _HELP.items():
        value = getattr(vitals, field)
        if value is not None:
            lines += [f"# HELP mailbot_{name} {what}", f"# TYPE mailbot_{name} gauge", f"mailbot_{name} {value}"]
    healthy = int(not any(problem.grave for problem in problems(vitals)))
    lines += ["# HELP mailbot_healthy 1 if nothing grave is wrong", "# TYPE mailbot_healthy gauge"]
    return "\n".join([*lines, f"mailbot_healthy {healthy}", ""])


class Metrics:
    """The port, served by threads of its own. Raises `OSError` where it cannot be had."""

    def __init__(self, host: str, port: int, vitals: Callable[[], Vitals]) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = _REQUEST_SECONDS
            server_version = "mailbot"
            sys_version = ""

            def do_GET(self) -> None:
                if self.path not in ("/metrics", "/health"):
                    self._answer(404, "text/plain", "there is /metrics and /health\n")
                    return
                try:
                    found = vitals()
                except Exception as error:  # noqa: BLE001 - whoever asks gets an answer, and the next question works
                    maillog.trouble("metrics", error)
                    self._answer(500, "text/plain", "the state cannot be read; see the log\n")
                    return
                if self.path == "/metrics":
                    self._answer(200, "text/plain; version=0.0.4", exposition(found))
                else:
                    said = report(found)
                    self._answer(200 if said["healthy"] else 503, "application/json", json.dumps(said) + "\n")

            def _answer(self, status: int, kind: str, text: str) -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """What monitoring asks every few seconds is no event."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
