"""The store's data keys: three named secrets of the database, and one key per issue.

All are random, and stand in the database sealed to the store's public key. So a new seal key only has to re-wrap them
(nothing else changes, and addresses and tokens given out stay good), and destroying an issue's key forgets the issue.
"""

import io
import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import islice
from typing import Any

from sqlalchemy import Connection, CursorResult, bindparam, insert, select, update

from mailbot.storage import tables
from mailbot.storage.seal import Sealer, encrypt_chunks
from mailbot.storage.unseal import KEY_BYTES, Box, SealBroken, Unsealer, decrypt_chunks, keyed_hash

SECRETS = ("lookup", "store", "token")
"""lookup: keyed hashes of addresses and Message-IDs. store: values that belong to no issue. token: addresses and
Message-IDs that the bot gives out."""
CHUNKS_AT_ONCE = 16
"""Written with one call: 4 MB of a large body are in memory beside it, and a usual one takes one call."""

BOXES = 64
"""Issues whose opened key is kept in memory."""

_ISSUE_KEY = select(tables.issue.c.wrapped_key).where(tables.issue.c.id == bindparam("issue_id"))
_BLOB_KEY = (
    select(tables.blob.c.issue_id, tables.blob.c.wrapped_key, tables.issue.c.wrapped_key.label("issue_key"))
    .outerjoin(tables.issue, tables.issue.c.id == tables.blob.c.issue_id)
    .where(tables.blob.c.id == bindparam("row_id"))
)
_CHUNKS = (
    select(tables.blob_chunk.c.data)
    .where(tables.blob_chunk.c.blob_id == bindparam("row_id"))
    .order_by(tables.blob_chunk.c.seq)
)
_HEAD = _CHUNKS.limit(2)
_MOVE_BLOB = update(tables.blob).where(tables.blob.c.id == bindparam("row_id"))
_ADD_BLOB = insert(tables.blob)
_ADD_CHUNKS = insert(tables.blob_chunk)


def create_secrets(connection: Connection, sealer: Sealer) -> None:
    """Make the named secrets of a new database; needs only the public key."""
    rows = [{"name": name, "wrapped": sealer.wrap(os.urandom(KEY_BYTES))} for name in SECRETS]
    connection.execute(insert(tables.secret), rows)


class Vault:
    """Opens and seals everything confidential in the database. One per process; keys stay in memory."""

    def __init__(self, unsealer: Unsealer, connection: Connection) -> None:
        wrapped = {row.name: row.wrapped for row in connection.execute(select(tables.secret))}
        keys = {name: unsealer.unwrap(wrapped[name]) for name in SECRETS}
        self._unsealer = unsealer
        self.store = Box(keys["store"])
        self.token_key = keys["token"]
        # A mail's way looks at its issue many times. Only by the wrapped key itself, so that a purged issue stays shut.
        self._box = lru_cache(BOXES)(lambda key: Box(unsealer.unwrap(key)))
        self.audit_key = keyed_hash(keys["store"], "audit", "")
        self.hash: Callable[[str, str], bytes] = partial(keyed_hash, keys["lookup"])
        """(kind, value) -> the keyed hash by which it is found again."""

    def address_hash(self, address: str) -> bytes:
        return self.hash("address", address.lower())

    def new_issue_key(self) -> tuple[Box, bytes]:
        """A data key for a new issue, and its wrapped form for the issue's row."""
        key = os.urandom(KEY_BYTES)
        return Box(key), self._unsealer.wrap(key)

    def issue_box(self, connection: Connection, issue_id: int | None) -> Box:
        """The box for an issue's values; the store's own where there is no issue. Raises `SealBroken` after a purge."""
        if issue_id is None:
            return self.store
        return self.box(issue_id, connection.scalar(_ISSUE_KEY, {"issue_id": issue_id}))

    def box(self, issue_id: int, wrapped: bytes | None) -> Box:
        """The box for an issue's values, from the key in its row. Raises `SealBroken` after a purge."""
        if wrapped is None:
            raise SealBroken(f"the content of issue {issue_id} was purged")
        return self._box(wrapped)

    def read_body(self, connection: Connection, blob_id: int, issue_id: int | None) -> bytes:
        """The body of a blob that belongs to this issue (or to none). Raises `SealBroken` if it belongs to another."""
        owner, key = self._blob_key(connection, blob_id)
        if owner != issue_id:
            raise SealBroken(f"blob {blob_id} belongs to another issue")
        return self._read_blob(connection, blob_id, key)[1]

    def read_blob(self, connection: Connection, blob_id: int, head_only: bool = False) -> tuple[bytes, bytes]:
        """A blob's first piece (the envelope of a mail) and its body, or with `head_only` the body's first chunk."""
        return self._read_blob(connection, blob_id, self._blob_key(connection, blob_id)[1], head_only)

    def _read_blob(
        self, connection: Connection, blob_id: int, key: bytes, head_only: bool = False
    ) -> tuple[bytes, bytes]:
        chunks: Iterable[bytes] = connection.execute(_HEAD if head_only else _CHUNKS, {"row_id": blob_id}).scalars()
        pieces = decrypt_chunks(key, chunks, first_only=head_only)
        first = next(pieces, None)
        if first is None:
            raise SealBroken("a sealed mail is empty")
        # BytesIO grows without copying what it holds, and getvalue() hands its buffer out as it is.
        body = io.BytesIO()
        for piece in pieces:
            body.write(piece)
        return first, body.getvalue()

    def opens(self, connection: Connection, blob_id: int) -> bool:
        """Whether the key of a blob can be opened, and so the blob, unless it was changed."""
        try:
            self._blob_key(connection, blob_id)
        except SealBroken:
            return False
        return True

    def write_blob(self, connection: Connection, issue_id: int | None, box: Box, body: Sequence[bytes]) -> int:
        """Store a body, given in pieces, under an issue's key (or the store's). Returns the blob's id."""
        key, chunks = encrypt_chunks(b"", body)
        wrapped = box.seal(key, "blob") if issue_id is not None else self._unsealer.wrap(key)
        return insert_blob(connection, issue_id, wrapped, chunks, sum(map(len, body)))

    def move_blob(self, connection: Connection, blob_id: int, issue_id: int, box: Box) -> None:
        """Re-seal a blob to an issue: its key is wrapped under the issue's instead of the store's."""
        _, key = self._blob_key(connection, blob_id)
        moved = {"row_id": blob_id, "issue_id": issue_id, "wrapped_key": box.seal(key, "blob")}
        connection.execute(_MOVE_BLOB, moved)

    def _blob_key(self, connection: Connection, blob_id: int) -> tuple[int | None, bytes]:
        """The issue that a blob belongs to, and its key."""
        row = connection.execute(_BLOB_KEY, {"row_id": blob_id}).one()
        if row.issue_id is None:
            return None, self._unsealer.unwrap(row.wrapped_key)
        return row.issue_id, self.box(row.issue_id, row.issue_key).open(row.wrapped_key, "blob")


def insert_blob(
    connection: Connection, issue_id: int | None, wrapped: bytes, chunks: Iterable[bytes], size: int
) -> int:
    blob_id = row_id(connection.execute(_ADD_BLOB, {"issue_id": issue_id, "wrapped_key": wrapped, "size": size}))
    rows = ({"blob_id": blob_id, "seq": seq, "data": data} for seq, data in enumerate(chunks))
    while some := list(islice(rows, CHUNKS_AT_ONCE)):
        connection.execute(_ADD_CHUNKS, some)
    return blob_id


def row_id(result: CursorResult[Any]) -> int:
    """The id that an insert of one row gave it."""
    key = result.inserted_primary_key
    if key is None:
        raise ValueError("not an insert of one row")
    return int(key[0])
