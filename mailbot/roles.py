"""The role processes of the supervisor: ``python -m mailbot.roles ROLE CONFIG CHANNEL_FD``.

Each imports its rooms, waits for its orders (see `supervisor`), opens what it needs, says ready, works until SIGTERM or
until its parent is gone, and finishes what it has begun. SIGHUP reloads the config file. Exit codes: 0 drained, 2 the
config cannot be used.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot import maillog
from mailbot.app import (
    CurrentSettings,
    Scratch,
    Watch,
    open_certificate,
    open_database,
    open_gpg,
    open_smarthost,
    open_store,
    open_vault,
    still_wanted,
    utc_now,
)
from mailbot.config import Listener as ListenerSettings
from mailbot.config import Settings, load
from mailbot.errors import ConfigError

if TYPE_CHECKING:
    from mailbot.metrics import Metrics
    from mailbot.smtp.limits import Limits

HOUSEKEEPING_SECONDS = 1.0
"""How often claims of dead processes are freed: their work goes on at once, not after their lease."""
RENEW_EVERY = 5
"""Housekeepings between two renewals of our own leases."""
IDLE_SECONDS = 0.02
"""Between two looks at the doorbell of an idle worker: nobody notices 20 ms, and a look costs 10 µs."""
LOOK_ANYWAY_SECONDS = 0.5
"""Retries become due without anybody ringing."""
DRAIN_SECONDS = 20.0
"""How long a mail that has begun to arrive may take to end after SIGTERM."""
MOST_SOCKETS = 64
"""Listening sockets that the orders may bring: a host name has a few addresses."""
WORKER_THREADS = 2
"""gpg serialises private-key operations per home, so more threads only wait for it."""


class Role:
    """What all role processes share: settings with reload, a stop event, and the channel to the parent."""

    def __init__(self, arguments: list[str]) -> None:
        self.name = arguments[0]
        self.config_path = Path(arguments[1])
        self._channel = socket.socket(fileno=int(arguments[2]))
        self.share = 1
        """How many processes divide what the listener may use."""
        self.listening: list[socket.socket] = []
        self.stop = threading.Event()
        self._on_stop: Callable[[], object] = lambda: None
        self.on_reload: Callable[[Settings], object] = lambda _: None
        """Called with a new config before it counts; a `ConfigError` from it keeps the old one."""

    def begin(self) -> Settings:
        """Wait for the orders, then read the config. Ends the process if the parent has none (its config is bad)."""
        share, descriptors, _, _ = socket.recv_fds(self._channel, 16, MOST_SOCKETS)
        if not share:
            sys.exit(0)
        self.share = int(share)
        self.listening = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        self.settings = CurrentSettings(load(self.config_path))
        self._watch()
        maillog.lifecycle(f"{self.name} starting")
        return self.settings()

    def ready(self) -> None:
        # The parent may be gone by now: then there is nobody to tell, and `_watch_parent` ends us in order.
        with contextlib.suppress(OSError):
            self._channel.send(b"ready")

    def on_stop(self, call: Callable[[], object]) -> None:
        """Have `call` called when the role is told to stop, or now if it already was."""
        self._on_stop = call
        if self.stop.is_set():
            call()

    def _watch(self) -> None:
        """Signals, and the parent's end: its side of the channel closes with it."""
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches the whole group; the parent tells us
        signal.signal(signal.SIGHUP, lambda *_: self._reload())
        threading.Thread(target=self._watch_parent, name="parent", daemon=True).start()

    def _watch_parent(self) -> None:
        self._channel.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _end(self) -> None:
        if not self.stop.is_set():
            self.stop.set()
            self._on_stop()

    def _reload(self) -> None:
        try:
            settings = load(self.config_path)
            self.on_reload(settings)
            self.settings.replace(settings)
            maillog.lifecycle(f"{self.name} took the new config")
        except ConfigError as error:
            maillog.config_refused(str(error))


def listener(role: Role) -> None:
    """Accept mail and store it sealed. Opens neither the private seal key nor a GnuPG home."""
    from mailbot.smtp.listener import Listener
    from mailbot.storage.intake import Intake
    from mailbot.storage.seal import load_sealer

    settings = role.begin()
    certificate = open_certificate(settings.listener)
    intake = Intake(open_database(settings), load_sealer(settings.storage.seal_key_file))

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        role.on_stop(lambda: loop.call_soon_threadsafe(stop.set))
        server = Listener(
            settings.group.local_part,
            settings.group.domain,
            intake.accept,
            utc_now,
            share_of_limits(settings.listener, role.share),
            settings.listener.protocol,
            certificate,
        )

        def take(settings: Settings) -> None:
            limits, renewed = share_of_limits(settings.listener, role.share), open_certificate(settings.listener)
            loop.call_soon_threadsafe(server.use, limits, renewed)

        role.on_reload = take
        await server.start(role.listening)
        role.ready()
        await stop.wait()
        await server.stop(DRAIN_SECONDS)

    asyncio.run(serve())
    intake.close()


def share_of_limits(listener: ListenerSettings, processes: int) -> Limits:
    """What one of several listener processes may use: they divide what is allowed in all."""
    from mailbot.smtp.limits import Limits

    return Limits(
        max_size=listener.max_message_size,
        recipients=listener.max_recipients,
        connections=max(1, listener.max_connections // processes),
        per_client=max(1, listener.max_connections_per_client // processes),
        idle=listener.idle_timeout.seconds,
        data_grace=listener.data_grace.seconds,
        data_rate=listener.min_data_rate,
        line=listener.max_line,
        received=listener.max_received,
        memory_budget=max(2 * listener.max_message_size, listener.memory_budget // processes),
        trusted_hosts=listener.trusted_hosts,
    )


def worker(role: Role) -> None:
    """Understand, decide, compose."""
    from mailbot.cage.client import CagedParser
    from mailbot.mail.templates import Templates, packaged_templates
    from mailbot.openpgp.process import stop_agent
    from mailbot.service.notices import Composer
    from mailbot.service.pipeline import Pipeline
    from mailbot.storage.database import Doorbell

    settings = role.begin()
    store = open_store(settings)
    scratch = Scratch()
    gpg = open_gpg(settings, scratch.path)
    composer = Composer(store, gpg, Templates(packaged_templates()))

    def work() -> None:
        parser = CagedParser()
        doorbell = Doorbell(store.database)
        pipeline = Pipeline(role.settings, store, parser, gpg, composer, utc_now)
        keep_working(pipeline.run_once, doorbell.rang, role.stop)
        parser.close()
        doorbell.close()

    threads = [threading.Thread(target=work, name=f"worker-{number}") for number in range(WORKER_THREADS)]
    for thread in threads:
        thread.start()
    role.ready()
    keep_house(role, store.renew, store.free_dead)
    for thread in threads:
        thread.join()
    gpg.close()
    scratch.close()
    stop_agent(settings.openpgp.home)


def keep_working(run_once: Callable[[], bool], rang: Callable[[], bool], stop: threading.Event) -> None:
    """Work while there is some, then look at the doorbell, until the role stops."""
    while not stop.is_set():
        try:
            if run_once():
                continue
        except Exception as error:  # noqa: BLE001 - a thread that ends leaves a process that looks well and does nothing
            maillog.trouble("worker", error)
            stop.wait(LOOK_ANYWAY_SECONDS)
            continue
        waited = 0.0
        while waited < LOOK_ANYWAY_SECONDS and not rang() and not stop.wait(IDLE_SECONDS):
            waited += IDLE_SECONDS


def keep_house(role: Role, renew: Callable[[], object], free_dead: Callable[[], object]) -> None:
    """Renew leases and free dead ones until the role stops."""
    beats = 0
    while not role.stop.wait(HOUSEKEEPING_SECONDS):
        beats += 1
        try:
            if beats % RENEW_EVERY == 0:
                renew()
            free_dead()
        except Exception as error:  # noqa: BLE001 - without it no lease of this process would be renewed any more
            maillog.trouble("housekeeping", error)


def delivery(role: Role) -> None:
    """Send what is due."""
    from mailbot.smtp.delivery import Delivery
    from mailbot.storage.outbox import SqlOutbox

    settings = role.begin()
    smarthost = open_smarthost(settings.delivery)
    database = open_database(settings)
    outbox = SqlOutbox(database, open_vault(settings, database))

    async def deliver() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        role.on_stop(lambda: loop.call_soon_threadsafe(stop.set))
        sender = Delivery(
            outbox,
            smarthost,
            give_up_after=settings.delivery.give_up_after.delta,
            now=utc_now,
            still_wanted=still_wanted(role.settings),
        )

        def take(settings: Settings) -> None:
            delivery = settings.delivery
            loop.call_soon_threadsafe(sender.use, open_smarthost(delivery), delivery.give_up_after.delta)

        role.on_reload = take
        role.ready()
        await sender.run(stop)

    asyncio.run(deliver())


def scheduler(role: Role) -> None:
    """Fire the clocks, while it holds the scheduler's lease."""
    from mailbot import jobs
    from mailbot.service.daily import Daily
    from mailbot.service.ticks import Ticks
    from mailbot.storage.leadership import Leadership

    settings = role.begin()
    store = open_store(settings)
    scratch = Scratch()
    gpg = open_gpg(settings, scratch.path)
    leadership = Leadership(store.database, "scheduler")
    ticks = Ticks(role.settings, store, gpg, utc_now)

    watch = Watch(role.settings, store.database, utc_now)
    daily = Daily(role.settings, store, utc_now, watch.vitals)
    metrics = open_metrics(settings, watch)

    def leading(call: Callable[[], object]) -> Callable[[], None]:
        def tick() -> None:
            try:
                if leadership.hold():
                    call()
            except Exception as error:  # noqa: BLE001 - the next tick is soon, and a traceback might quote a mail
                maillog.trouble("scheduler", error)

        return tick

    ticking = jobs.timetable(leading(ticks.fire_due_clocks), leading(ticks.keep_standing), leading(daily.say))
    running = jobs.start(ticking)
    role.ready()
    jobs.keep_ticking(running, role.stop)
    running.shutdown(wait=True)
    leadership.release()
    gpg.close()
    scratch.close()
    if metrics is not None:
        metrics.close()


def open_metrics(settings: Settings, watch: Watch) -> Metrics | None:
    """The port for monitoring, if there is to be one. Another scheduler on this machine may have it: then this one does
    without, because clocks matter more."""
    if settings.metrics.port is None:
        return None
    from mailbot.metrics import Metrics

    try:
        metrics = Metrics(settings.metrics.host, settings.metrics.port, watch.vitals)
    except OSError as error:
        maillog.not_monitored(settings.metrics.host, settings.metrics.port, error)
        return None
    maillog.lifecycle(f"monitoring answers on {settings.metrics.host} port {metrics.port}")
    return metrics


ROLES: dict[str, Callable[[Role], None]] = {
    "listener": listener,
    "worker": worker,
    "delivery": delivery,
    "scheduler": scheduler,
}


def main(arguments: list[str]) -> int:
    maillog.set_up()
    # A core file would hold mails and keys.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    # Whatever comes before the orders is meant for the parent alone.
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    role = Role(arguments)
    try:
        ROLES[role.name](role)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    maillog.lifecycle(f"{role.name} stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
