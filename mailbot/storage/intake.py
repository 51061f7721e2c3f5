"""The listener's side of the inbox: seal and store, many mails per commit.

All mails that wait for their ``250`` share one transaction and so one fsync: while one commit is on its way to the
disk, the next batch gathers. `accept` returns when the mail is durable; any error means that nothing of it was kept.
"""

import asyncio
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, insert

from mailbot import maillog
from mailbot.mail.envelope import Envelope
from mailbot.storage import tables
from mailbot.storage.database import Database
from mailbot.storage.seal import SealedBlob, Sealer

BATCH_MAILS = 200
"""More mails than connections may be open: a batch is never cut by this in practice, only bounded."""
BATCH_BYTES = 32_000_000
"""Bounds how long one commit takes, and so how long the mails in it wait."""


@dataclass(slots=True)
class _Waiting:
    envelope: Envelope
    raw: bytes
    future: "asyncio.Future[int]"
    loop: asyncio.AbstractEventLoop


class Intake:
    """Owns one writer thread. `accept` belongs to the event loop; `close` ends the thread after the last batch."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    async def accept(self, envelope: Envelope, raw: bytes) -> int:
        """Store one mail durably and return its inbox id; if it raises (`StoreUnavailable`, ...), nothing is kept."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        self._queue.put(_Waiting(envelope, raw, future, loop))
        return await future

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            size = len(first.raw)
            ending = False
            while len(batch) < BATCH_MAILS and size < BATCH_BYTES:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    ending = True
                    break
                batch.append(item)
                size += len(item.raw)
            self._store(batch)
            if ending:
                return

    def _store(self, batch: list[_Waiting]) -> None:
        try:
            sealed = [self._sealer.seal(item.envelope.to_bytes(), item.raw) for item in batch]
            with self._database.write() as connection:
                ids = store_mails(connection, [item.envelope for item in batch], sealed)
                maillog.step("storing-mails")
            maillog.step("stored-mails")
        except Exception as error:  # noqa: BLE001 - whatever it was, every waiting session must answer 4xx, and go on
            _answer(batch, error)
        else:
            _answer(batch, ids)


def store_mails(connection: Connection, envelopes: list[Envelope], sealed: list[SealedBlob]) -> list[int]:
    """Insert sealed mails into the inbox within the caller's transaction. Returns their ids, in order."""
    blob_ids = connection.scalars(
        insert(tables.blob).returning(tables.blob.c.id, sort_by_parameter_order=True),
        [{"wrapped_key": blob.wrapped_key, "size": blob.size} for blob in sealed],
    ).all()
    connection.execute(
        insert(tables.blob_chunk),
        [
            {"blob_id": blob_id, "seq": seq, "data": data}
            for blob_id, blob in zip(blob_ids, sealed, strict=True)
            for seq, data in enumerate(blob.chunks)
        ],
    )
    ids = connection.scalars(
        insert(tables.inbox).returning(tables.inbox.c.id, sort_by_parameter_order=True),
        [
            {"received_at": envelope.received_at, "size": blob.size, "blob_id": blob_id}
            for blob_id, blob, envelope in zip(blob_ids, sealed, envelopes, strict=True)
        ],
    ).all()
    return list(ids)


def _answer(batch: list[_Waiting], results: list[int] | Exception) -> None:
    """Resolve the futures, one hand-over per event loop."""

    def resolve(loop: asyncio.AbstractEventLoop) -> None:
        for index, item in enumerate(batch):
            if item.loop is not loop or item.future.cancelled():
                continue
            if isinstance(results, Exception):
                item.future.set_exception(results)
            else:
                item.future.set_result(results[index])

    for loop in {item.loop for item in batch}:
        # A loop that has ended raises: nobody waits there any more, and the mails of the others must still be stored.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(resolve, loop)
