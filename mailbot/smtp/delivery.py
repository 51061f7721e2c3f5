"""Delivery: due rows of the outbox go to the smarthost, and what became of each goes back.

In: an `Outbox`, a `Smarthost`, and `still_wanted`, which is asked about each mail right before it is sent. Out: every
claimed row is recorded as sent, deferred, postponed, failed or cancelled.

What failure means:
- The smarthost refuses this mail or its recipient for good (5xx): FAILED, or TOO_LARGE where that is why.
- It refuses for now (4xx), or falls silent or away in the middle: DEFERRED, tried again with growing pauses until
  `give_up_after` is over. It may have the mail already; the repeat has the same bytes and the same Message-ID.
- It cannot be reached, will not talk to us, closes the service (421), or TLS is required and missing: nobody's mail is
  to blame. Rows are POSTPONED without counting an attempt, and one probe at a time goes out until a mail is answered.
  Such an outage by itself never fails a mail, however long it lasts.
- The process dies: the lease runs out and the row is sent again.

Mails go in the order of their ids, `parallel` at a time; each waits for itself only.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from mailbot import maillog
from mailbot.service.outgoing import RENEW_SECONDS, Outbox, Outcome, OutgoingMail, Result
from mailbot.smtp.backoff import Outage, retry_at
from mailbot.smtp.connections import Connections
from mailbot.smtp.recorder import Recorder
from mailbot.smtp.replies import Answer, SmarthostDown, StaleConnection
from mailbot.smtp.smarthost import DEFAULT_LIMITS, Limits, Smarthost

POLL_SECONDS = 0.15
"""How often an idle delivery looks for due mail."""
DRAIN_SECONDS = 20.0
"""What a stop waits for mails under way; a row cut off then is sent again after the next start."""
CLAIM_PER_CONNECTION = 4
"""Rows claimed ahead, so that one transaction serves several mails; few, so that other processes get their share."""
CLAIM_BYTES = 16_000_000
"""Bodies claimed ahead; a larger one comes alone."""
STEP_ASIDE = timedelta(seconds=60)
"""How long a mail waits during which the smarthost closed the service: the others go first, in case it is the mail."""
UNKNOWN_MEMBERSHIP = timedelta(seconds=5)
"""How long a mail waits if it could not be found out whether it is still wanted: it must not go out meanwhile."""
STORE_PAUSE_SECONDS = 1.0
"""Pause after the outbox could not be read."""


class Delivery:
    def __init__(
        self,
        outbox: Outbox,
        smarthost: Smarthost,
        *,
        give_up_after: timedelta,
        now: Callable[[], datetime],
        still_wanted: Callable[[OutgoingMail], str | None],
        parallel: int = 4,
        limits: Limits = DEFAULT_LIMITS,
        outage: Outage | None = None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        """`now` gives aware UTC. `still_wanted` runs in a thread; it returns None, or a word why the mail must not go
        out any more, which goes to the log and to `last_error`."""
        self._outbox = outbox
        self._give_up_after = give_up_after
        self._now = now
        self._still_wanted = still_wanted
        self._parallel = parallel
        self._outage = outage or Outage()
        self._drain_seconds = drain_seconds
        self._connections = Connections(smarthost, limits)
        self._recorder = Recorder(outbox, now)
        self._ready: deque[OutgoingMail] = deque()
        self._held: dict[int, OutgoingMail] = {}
        self._sending: dict[asyncio.Task[None], OutgoingMail] = {}
        self._wake = asyncio.Event()

    def use(self, smarthost: Smarthost, give_up_after: timedelta) -> None:
        """Deliver to another smarthost, or patiently for another time. Belongs to the event loop."""
        self._give_up_after = give_up_after
        self._connections.use(smarthost)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`, then finish what is being sent, claim nothing new, and say goodbye to the smarthost.

        Ends within `drain_seconds`, a second for the store, and the time limit of QUIT.
        """
        async with asyncio.TaskGroup() as group:
            services = [
                group.create_task(self._recorder.run()),
                group.create_task(self._keep_leases()),
                group.create_task(self._wake_on(stop)),
            ]
            try:
                await self._dispatch(stop)
                await self._drain()
            finally:
                for task in self._sending:
                    task.cancel()
                for task in services:
                    task.cancel()
                await self._connections.close()

    async def _dispatch(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            pause = self._outage.remaining(loop.time())
            # In doubt, one probe at a time, and no row claimed that would only be given back.
            doubtful = self._outage.doubtful
            lanes, ahead = (1, 1) if doubtful else (self._parallel, self._parallel * CLAIM_PER_CONNECTION)
            if pause > 0:
                await self._idle(stop, pause)
            elif len(self._sending) >= lanes:
                await self._idle(stop, None)
            elif self._ready:
                self._start(self._ready.popleft())
            elif self._recorder.troubled or not await self._claim(ahead):
                self._connections.retire_idle()
                await self._idle(stop, POLL_SECONDS)

    async def _claim(self, limit: int) -> bool:
        try:
            mails = await asyncio.to_thread(self._outbox.claim, limit, CLAIM_BYTES, self._now())
        except Exception as error:  # noqa: BLE001 - the store is another room; whatever it has, it may pass
            maillog.trouble("outbox", error)
            await asyncio.sleep(STORE_PAUSE_SECONDS)
            return False
        self._ready.extend(mails)
        self._held.update((mail.id, mail) for mail in mails)
        return bool(mails)

    def _start(self, mail: OutgoingMail) -> None:
        task = asyncio.create_task(self._deliver(mail))
        self._sending[task] = mail
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        self._wake.set()

    async def _deliver(self, mail: OutgoingMail) -> None:
        try:
            result = await self._attempt(mail)
        except Exception as error:  # noqa: BLE001 - a bug that one mail brings out must not stop the others
            maillog.trouble("delivery", error)
            result = self._concluded(mail, Answer(Outcome.DEFERRED, None, f"internal error: {type(error).__name__}"))
        await self._record(result)

    async def _attempt(self, mail: OutgoingMail) -> Result:
        loop = asyncio.get_running_loop()
        try:
            reason = await asyncio.to_thread(self._still_wanted, mail)
        except Exception as error:  # noqa: BLE001 - it asks the store; whatever that has, it is not this mail's fault
            maillog.trouble("membership", error)
            return Result(mail, Outcome.POSTPONED, mail.attempts, next_at=self._now() + UNKNOWN_MEMBERSHIP)
        if reason is not None:
            return Result(mail, Outcome.CANCELLED, mail.attempts, None, reason)
        started = loop.time()
        maillog.step("send-mail")
        try:
            answer = await self._hand_over(mail)
        except SmarthostDown as trouble:
            pause = self._outage.failed(started, loop.time())
            if pause is not None:
                maillog.smarthost_down(trouble, pause)
            await self._give_back(trouble)
            return self._postponed(mail, trouble)
        maillog.step("answered-mail")
        if answer.code is not None:
            self._served()
        return self._concluded(mail, answer)

    async def _hand_over(self, mail: OutgoingMail) -> Answer:
        """Send on a connection that is open, or on a new one if there is none or it went stale."""
        connection = self._connections.take()
        if connection is not None:
            try:
                answer = await connection.send(mail, self._served)
            except StaleConnection:
                connection = None
        if connection is None:
            connection = await self._connections.open()
            answer = await connection.send(mail, self._served)
        self._connections.put(connection)
        return answer

    def _served(self) -> None:
        """The smarthost works: an outage, if there was one, is over."""
        if self._outage.doubtful:
            self._outage.answered()
            self._wake.set()

    def _concluded(self, mail: OutgoingMail, answer: Answer) -> Result:
        """The result of an attempt that counts."""
        attempts = mail.attempts + 1
        text = "" if answer.outcome is Outcome.SENT else answer.text
        if answer.outcome is not Outcome.DEFERRED:
            return Result(mail, answer.outcome, attempts, answer.code, text)
        now = self._now()
        next_at = retry_at(mail.id, attempts, now, mail.created_at + self._give_up_after)
        if next_at is None:
            return Result(mail, Outcome.FAILED, attempts, answer.code, f"given up after {attempts} attempts; {text}")
        return Result(mail, Outcome.DEFERRED, attempts, answer.code, text, next_at)

    def _postponed(self, mail: OutgoingMail, trouble: SmarthostDown) -> Result:
        now = self._now()
        if not trouble.during_mail:
            return Result(mail, Outcome.POSTPONED, mail.attempts, trouble.code, trouble.text, now)
        if now >= mail.created_at + self._give_up_after:
            return self._concluded(mail, Answer(Outcome.DEFERRED, trouble.code, trouble.text))
        return Result(mail, Outcome.POSTPONED, mail.attempts, trouble.code, trouble.text, now + STEP_ASIDE)

    async def _give_back(self, trouble: SmarthostDown | None = None) -> None:
        """Rows claimed ahead are free again at once."""
        mails = list(self._ready)
        self._ready.clear()
        now = self._now()
        code, text = (trouble.code, trouble.text) if trouble else (None, None)
        await self._record(*(Result(mail, Outcome.POSTPONED, mail.attempts, code, text, now) for mail in mails))

    async def _record(self, *results: Result) -> None:
        await self._recorder.record(*results)
        for result in results:
            # The same row may have been claimed anew while we waited for the store.
            if self._held.get(result.mail.id) is result.mail:
                del self._held[result.mail.id]

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            mails = list(self._held.values())
            if not mails:
                continue
            try:
                lost = await asyncio.to_thread(self._outbox.renew, mails)
            except Exception as error:  # noqa: BLE001 - as for claims; the next renewal is soon
                maillog.trouble("outbox", error)
                continue
            # What is already being sent goes on: stopping now could not unsend it, and its result is fenced.
            for mail in mails:
                if mail.id in lost and mail in self._ready:
                    self._ready.remove(mail)
                    del self._held[mail.id]

    async def _drain(self) -> None:
        """Finish what is being sent, then give everything else back, all within the time for draining."""
        deadline = asyncio.get_running_loop().time() + self._drain_seconds
        give_back = asyncio.create_task(self._give_back())
        if self._sending:
            await asyncio.wait(list(self._sending), timeout=self._drain_seconds)
        cut_off = list(self._sending.items())
        for task, _ in cut_off:
            task.cancel()
        if cut_off:
            await asyncio.wait([task for task, _ in cut_off])
        now = self._now()
        rest = [
            # One whose result is already on its way to the store keeps that: only the first result counts.
            Result(mail, Outcome.POSTPONED, mail.attempts, None, "cut off by a stop", now)
            for _, mail in cut_off
            if mail.id in self._held
        ]
        try:
            # A store that is gone must not hold up the stop: then the leases run out.
            async with asyncio.timeout_at(max(deadline, asyncio.get_running_loop().time() + 1.0)):
                await give_back
                await self._record(*rest)
        except TimeoutError as error:
            maillog.trouble("outbox", error)
            give_back.cancel()

    async def _idle(self, stop: asyncio.Event, seconds: float | None) -> None:
        """Wait for a change: a mail ended, the stop, or the time is over."""
        if stop.is_set():
            return
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()
