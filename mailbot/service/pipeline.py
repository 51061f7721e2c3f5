"""The way of one mail: claim, understand, decide. And of one notice: claim, compose.

No transaction is open while a mail is parsed, opened by gpg, or rendered. A mail that makes its own handling fail three
times is quarantined: an issue is opened all the same and the raw mail relayed, so that a person can look.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from mailbot import maillog
from mailbot.config import Settings
from mailbot.errors import ClaimLost, MailFailed, TemporaryError
from mailbot.service import handlers, notices, router, understanding
from mailbot.service.message import Message
from mailbot.service.ports import OpenPGP, Parser
from mailbot.service.store import ClaimedMail, ClaimedNotice, Store
from mailbot.service.tokens import Tokens

FAILURES_TO_QUARANTINE = 3
"""Failures of the mail's own after which nobody tries again by themselves."""
RETRY_AFTER_FAILURE = timedelta(seconds=5)
RETRY_AFTER_TROUBLE = timedelta(seconds=10)
"""When the cause is outside (gpg missing, disk full): soon enough that mail flows again within seconds of the mend."""
LONGEST_RETRY = timedelta(minutes=15)
"""What is never given up, though it fails by itself, is tried at least so often."""


class Pipeline:
    """Does one piece of work at a time; several threads may each run their own."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        parser: Parser,
        openpgp: OpenPGP,
        composer: notices.Composer,
        now: Callable[[], datetime],
    ) -> None:
        """`settings` gives the current ones at each use."""
        self._settings = settings
        self._store = store
        self._parser = parser
        self._openpgp = openpgp
        self._composer = composer
        self._now = now

    def run_once(self) -> bool:
        """Do one piece of work. Returns False if there was none."""
        prefix = self._settings().group
        self._store.index_mails(lambda envelope, head: understanding.keys(envelope, head, prefix))
        maillog.step("claim-mail")
        if mail := self._store.claim_mail(self._now()):
            maillog.step("claimed-mail")
            with self._store.holding(mail):
                caused = self._handle(mail)
            # Claimed with the decision that made them: to look for each anew costs more than to record it.
            with self._store.holding(*caused):
                for made in caused:
                    self._compose(made, keys_loaded=mail.failures < FAILURES_TO_QUARANTINE)
            return True
        maillog.step("claim-notice")
        if notice := self._store.claim_notice(self._now()):
            maillog.step("claimed-notice")
            with self._store.holding(notice):
                self._compose(notice)
            return True
        return False

    def _handle(self, mail: ClaimedMail) -> Sequence[ClaimedNotice]:
        """Understand and decide. Returns the notices that this caused, claimed for us."""
        started = time.monotonic()
        quarantine = ""
        settings = self._settings()
        try:
            if mail.failures >= FAILURES_TO_QUARANTINE:
                quarantine = "handling it failed three times"
                message = understanding.given_up(mail, settings, self._store, quarantine)
            else:
                self._load_keys()
                message = understanding.understand(mail, settings, self._store, self._parser, self._openpgp)
            maillog.step("understood")
            (disposition, number), caused = self._decide(mail, message, settings, quarantine)
        except ClaimLost:
            return ()  # another process has it, or finished it: our result counts for nothing
        except (TemporaryError, OSError) as error:  # the system's errors (no space, no descriptors) are no mail's fault
            maillog.step_failed("in", mail.id, mail.failures, error)
            self._store.release_mail(mail, self._now(), RETRY_AFTER_TROUBLE)
            return ()
        except Exception as error:  # noqa: BLE001 - the last ring: whatever a mail breaks costs that mail only
            maillog.step_failed("in", mail.id, mail.failures + 1, error)
            # At once for the giving up. If even that fails, more and more seldom: else it would keep a worker busy.
            tries = mail.failures + 1 - FAILURES_TO_QUARANTINE
            delay = RETRY_AFTER_FAILURE if tries < 0 else _backoff(tries) if tries else timedelta(0)
            self._store.mail_failed(mail, self._now(), delay)
            return ()
        maillog.step("decided")
        if quarantine and number is not None:
            maillog.quarantined(mail.id, number, quarantine)
        maillog.handled(mail.id, disposition.value, number, time.monotonic() - started)
        return caused

    def _decide(
        self, mail: ClaimedMail, message: Message, settings: Settings, quarantine: str
    ) -> tuple[handlers.Outcome, Sequence[ClaimedNotice]]:
        tokens = Tokens(self._store.token_key, settings.group.domain)
        with self._store.decide(mail) as unit:
            # What made the handling fail may be in the mail's own words or in the issue that it names: where even the
            # first quarantine failed, nothing of it is looked at any more.
            blind = mail.failures > FAILURES_TO_QUARANTINE
            message = understanding.unread(message) if blind else message
            facts = router.NOTHING_KNOWN if blind else router.look_up(unit, message, settings, tokens)
            case = handlers.Case(unit, message, facts, settings, tokens, self._now(), quarantine)
            outcome = handlers.HANDLERS[router.route(message, facts)](case)
            maillog.step("deciding")
        return outcome, unit.caused

    def _load_keys(self) -> None:
        """Have gpg know the members' keys as they stand in the database."""
        try:
            self._openpgp.load(*self._store.keys())
        except MailFailed as error:
            # gpg hung on keys that every mail needs: that counts for none of them.
            raise TemporaryError("gpg does not read the members' keys") from error

    def _compose(self, notice: ClaimedNotice, *, keys_loaded: bool = False) -> None:
        started = time.monotonic()
        try:
            if not keys_loaded:
                self._load_keys()
            drafts = self._composer.compose(notice, self._settings())
            maillog.step("composed")
            self._store.finish_notice(notice, drafts, self._now())
        except ClaimLost:
            return
        except Exception as error:  # noqa: BLE001 - the last ring: a notice is never given up, only tried less often
            own = not isinstance(error, TemporaryError | OSError)
            maillog.step_failed("notice", notice.id, notice.failures + own, error)
            self._store.notice_failed(notice, self._now(), _backoff(notice.failures), own=own)
            return
        maillog.step("finished-notice")
        maillog.composed(notice.id, notice.event, notice.issue, len(drafts), time.monotonic() - started)


def _backoff(failures: int) -> timedelta:
    """The pause after one more failure than `failures`."""
    # The exponent has a bound, because a timedelta has one.
    return min(RETRY_AFTER_TROUBLE * (1 << min(failures, 10)), LONGEST_RETRY)
