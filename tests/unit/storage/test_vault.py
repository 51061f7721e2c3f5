"""The data keys of a database: what is under an issue's key is gone with it."""

import os
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from mailbot.storage import tables
from mailbot.storage.seal import CHUNK_SIZE
from mailbot.storage.unseal import SealBroken, Unsealer
from mailbot.storage.vault import SECRETS, Vault
from tests.unit.storage.storeroom import RITA, Storeroom

LARGE = os.urandom(1000) * (CHUNK_SIZE // 500)


def test_the_secrets_are_of_this_database_alone_and_the_same_each_time_it_is_opened(
    room: Storeroom, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = Storeroom.open(room.directory)
    other = Storeroom.build(tmp_path_factory.mktemp("other"))
    assert again.vault.token_key == room.vault.token_key != other.vault.token_key
    assert again.vault.address_hash(RITA) == room.vault.address_hash(RITA) != other.vault.address_hash(RITA)
    again.database.close()
    other.database.close()


def test_the_secrets_stand_in_the_database_only_wrapped(room: Storeroom) -> None:
    rows = {row.name: row.wrapped for row in room.rows(tables.secret)}
    assert set(rows) == set(SECRETS)
    assert all(room.vault.token_key not in wrapped for wrapped in rows.values())


def test_with_another_seal_key_the_database_does_not_open(room: Storeroom) -> None:
    with room.database.read() as connection, pytest.raises(SealBroken):
        Vault(Unsealer(b"\1" * 32), connection)


def test_addresses_are_found_again_in_any_case(room: Storeroom) -> None:
    assert room.vault.address_hash("Rita@Out.EXAMPLE") == room.vault.address_hash(RITA)
    assert room.vault.address_hash(RITA) != room.vault.hash("sender", RITA)


@pytest.mark.parametrize("body", [b"", b"x", LARGE], ids=["empty", "small", "several chunks"])
@pytest.mark.parametrize("of_issue", [True, False], ids=["issue", "store"])
def test_a_body_comes_back_as_it_was_written(room: Storeroom, body: bytes, of_issue: bool) -> None:
    number = room.open_issue() if of_issue else None
    with room.database.write() as connection:
        blob = room.vault.write_blob(connection, number, room.vault.issue_box(connection, number), [body])
    with room.database.read() as connection:
        assert room.vault.read_blob(connection, blob) == (b"", body)


def test_the_head_of_a_large_mail_is_read_alone(room: Storeroom) -> None:
    room.accept(words="x" * (3 * CHUNK_SIZE))
    with room.database.read() as connection:
        blob = connection.scalar(select(tables.inbox.c.blob_id))
        assert blob is not None
        first, head = room.vault.read_blob(connection, blob, head_only=True)
    assert RITA.encode() in first
    assert head == b"x" * CHUNK_SIZE


def moved(room: Storeroom) -> tuple[int, int]:
    """A mail in the inbox that was re-sealed to a new issue: (blob, issue)."""
    room.accept(words="the text of the report")
    number = room.open_issue()
    with room.database.write() as connection:
        blob = int(connection.execute(select(tables.inbox.c.blob_id)).scalar_one())
        room.vault.move_blob(connection, blob, number, room.vault.issue_box(connection, number))
    return blob, number


def test_handling_re_seals_a_mail_to_its_issue_without_touching_its_chunks(room: Storeroom) -> None:
    room.accept(words="the text of the report")
    before = room.rows(tables.blob_chunk)
    wrapped = room.rows(tables.blob)[0].wrapped_key
    number = room.open_issue()
    with room.database.write() as connection:
        room.vault.move_blob(connection, 1, number, room.vault.issue_box(connection, number))
    (blob,) = room.rows(tables.blob)
    assert (blob.issue_id, room.rows(tables.blob_chunk)) == (number, before)
    assert blob.wrapped_key != wrapped
    with room.database.read() as connection:
        assert room.vault.read_blob(connection, 1)[1] == b"the text of the report"


def test_moved_again_it_follows_the_other_issue(room: Storeroom) -> None:
    blob, first = moved(room)
    second = room.open_issue()
    with room.database.write() as connection:
        room.vault.move_blob(connection, blob, second, room.vault.issue_box(connection, second))
        connection.execute(update(tables.issue).where(tables.issue.c.id == first).values(wrapped_key=None))
    with room.database.read() as connection:
        assert room.vault.read_blob(connection, blob)[1] == b"the text of the report"


def test_after_an_issues_key_is_gone_nothing_of_it_opens_and_everything_else_does(room: Storeroom) -> None:
    blob, number = moved(room)
    other = room.open_issue("Another title")
    kept = room.accept(words="another mail")
    with room.database.read() as connection:
        sealed = connection.scalars(select(tables.issue.c.sealed).where(tables.issue.c.id == number)).one()
        box = room.vault.issue_box(connection, number)
    assert box.open_json(sealed, "issue")["title"] == "A title"
    with room.database.write() as connection:
        connection.execute(update(tables.issue).where(tables.issue.c.id == number).values(wrapped_key=None))
    fresh = Storeroom.open(room.directory)
    for vault in (room.vault, fresh.vault):
        with room.database.read() as connection:
            with pytest.raises(SealBroken, match="purged"):
                vault.issue_box(connection, number)
            with pytest.raises(SealBroken):
                vault.read_blob(connection, blob)
            with pytest.raises(SealBroken):
                vault.store.open_json(sealed, "issue")
            with pytest.raises(SealBroken):
                vault.issue_box(connection, other).open_json(sealed, "issue")
            assert vault.issue_box(connection, other)
            assert vault.read_blob(connection, kept)[1] == b"another mail"
    fresh.database.close()


def test_an_issues_key_is_not_in_the_file_after_it_was_removed(room: Storeroom) -> None:
    number = room.open_issue()
    wrapped = room.rows(tables.issue)[0].wrapped_key
    with room.database.write() as connection:
        connection.execute(update(tables.issue).where(tables.issue.c.id == number).values(wrapped_key=None))
    assert not _holds(room.directory, wrapped, room)


def test_a_deleted_mail_is_not_in_the_file(room: Storeroom) -> None:
    room.accept(words="x" * 5000)
    chunk = room.rows(tables.blob_chunk)[1].data
    with room.database.write() as connection:
        connection.execute(delete(tables.inbox))
        connection.execute(delete(tables.blob))
    assert room.rows(tables.blob_chunk) == []
    assert not _holds(room.directory, chunk[100:400], room)


def _holds(directory: Path, secret: bytes, room: Storeroom) -> bool:
    """Whether the bytes are anywhere in the database's files after the log was emptied."""
    with room.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return any(secret in file.read_bytes() for file in directory.glob("mailbot.db*"))
