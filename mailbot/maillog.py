"""One named function per event in a mail's life, so that the log reads as its story and nothing else can get in.

No function here takes a body, a subject, a display name or an address of a reporter: what is not a parameter cannot
leak. Ids are the rows' numbers (``queue show N``) and issue numbers. ``cause`` is the *class* of an error, never its
text, because error texts of parsers and mail systems quote what they were given.
"""

import logging
import sys
import time

logger = logging.getLogger("mailbot")


def set_up(level: str = "INFO") -> None:
    """Send log lines to stderr. Called once per process, by the composition root."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(process)d %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False
    # python-gnupg's debug log carries gpg's stderr, user ids included.
    logging.getLogger("gnupg").setLevel(logging.WARNING)
    # A tick that takes longer than its period is no news.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def step(name: str) -> None:
    """A named step is about to happen. Fault tests end the process at each of them."""
    logger.debug("step %s", name)


def accepted(inbox_id: int, size: int, recipients: int) -> None:
    logger.info("in=%d accepted size=%d recipients=%d", inbox_id, size, recipients)


def refused(code: int, reason: str) -> None:
    """``reason`` is one of the listener's fixed words, never what the peer sent."""
    logger.info("refused code=%d reason=%s", code, reason)


def not_stored(cause: BaseException) -> None:
    logger.error("could not store a mail, answered 451: %s", type(cause).__name__)


def handled(inbox_id: int, disposition: str, issue: int | None, seconds: float) -> None:
    logger.info("in=%d handled disposition=%s issue=%s seconds=%.3f", inbox_id, disposition, issue or "-", seconds)


def step_failed(step: str, row_id: int, failures: int, cause: BaseException) -> None:
    logger.warning("%s=%d failed failures=%d cause=%s", step, row_id, failures, type(cause).__name__)


def quarantined(inbox_id: int, issue: int, cause: str) -> None:
    logger.error("in=%d quarantined issue=%d cause=%s", inbox_id, issue, cause)


def composed(notice_id: int, event: str, issue: int | None, mails: int, seconds: float) -> None:
    logger.info(
        "notice=%d composed event=%s issue=%s mails=%d seconds=%.3f", notice_id, event, issue or "-", mails, seconds
    )


def clock_fired(issue: int | None, clock: str, firing: str, late: bool) -> None:
    logger.info("issue=%s clock=%s fired=%s%s", issue or "-", clock, firing, " late" if late else "")


def sent(outbox_id: int, attempts: int) -> None:
    logger.info("out=%d sent attempts=%d", outbox_id, attempts)


def deferred(outbox_id: int, attempts: int, code: int | None) -> None:
    logger.warning("out=%d deferred attempts=%d code=%s", outbox_id, attempts, code or "-")


def failed(outbox_id: int, attempts: int, code: int | None) -> None:
    logger.error("out=%d failed attempts=%d code=%s", outbox_id, attempts, code or "-")


def cancelled(outbox_id: int, reason: str) -> None:
    logger.info("out=%d cancelled reason=%s", outbox_id, reason)


def smarthost_down(cause: BaseException, retry_in: float) -> None:
    logger.warning("smarthost does not answer (%s), next try in %.0f s", type(cause).__name__, retry_in)


def listening(where: str) -> None:
    logger.info("listening on %s", where)


def not_monitored(host: str, port: int, cause: OSError) -> None:
    logger.error("monitoring cannot listen on %s port %d: %s", host, port, cause.strerror)


def lifecycle(what: str) -> None:
    """A process starting, stopping, reloading: fixed words and role names only."""
    logger.info("%s", what)


def trouble(where: str, cause: BaseException) -> None:
    """Something failed outside any one mail."""
    logger.error("%s: %s", where, type(cause).__name__)


def config_reloaded(waiting: list[str]) -> None:
    """`waiting` are the changed keys that count from the next start on."""
    if waiting:
        logger.warning("config reloaded; these need a restart: %s", ", ".join(waiting))
    else:
        logger.info("config reloaded")


def config_refused(explanation: str) -> None:
    """A reload was refused; the operator's own file is quoted, nothing of any mail."""
    logger.error("config not reloaded, the old one stays: %s", explanation)
