"""The tables. Columns named ``sealed`` hold JSON under the issue's data key, or the store's where there is no issue."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as whole microseconds since 1970: exact, small, and sorted by any index."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without time zone")
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


# SQLite gives row ids only to INTEGER columns; a 64-bit id everywhere else.
RowId = BigInteger().with_variant(Integer, "sqlite")


def _claim_columns() -> list[Column[object]]:
    """Who is working on a row. The token fences: a result is only taken with the token that was handed out last.

    Lease times count seconds of the machine's boot clock, so that a jump of the wall clock frees and steals nothing.
    """
    return [
        Column("claim_token", Integer, nullable=False, server_default=text("0")),
        Column("claim_owner", Text),
        Column("claim_until", Float),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("failures", Integer, nullable=False, server_default=text("0")),
        Column("not_before", Instant),
    ]


secret = Table(
    "secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False, comment="32 random bytes, sealed to the store's public key"),
)

setting = Table("setting", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

blob = Table(
    "blob",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("issue_id", RowId, ForeignKey("issue.id"), comment="whose data key wraps the blob's; NULL: the store's"),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
)

blob_chunk = Table(
    "blob_chunk",
    metadata,
    Column("blob_id", RowId, ForeignKey("blob.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("received_at", Instant, nullable=False),
    Column("size", Integer, nullable=False),
    Column("blob_id", RowId, ForeignKey("blob.id"), nullable=False, comment="chunk 0 is the envelope"),
    Column("state", Text, nullable=False, server_default=text("'new'")),
    Column("turn", Integer, comment="order of claims, fair between senders; NULL until the first pass saw the row"),
    Column("sender_hash", LargeBinary),
    Column("digest", LargeBinary, comment="keyed hash of the mail apart from its trace headers, and its recipients"),
    Column("disposition", Text),
    Column("issue_id", RowId, ForeignKey("issue.id")),
    Column("cause", Text, comment="why it is quarantined or held: one of our own phrases"),
    Column("sealed", LargeBinary, comment="of a held mail: who wrote it, the subject"),
    Column("released_by", Text, comment="who let it through after it was held: a member's id or operator"),
    Column("finished_at", Instant),
    *_claim_columns(),
    sqlite_autoincrement=True,
)
Index("ix_inbox_waiting", inbox.c.state, inbox.c.turn, inbox.c.id)
Index("ix_inbox_sender", inbox.c.sender_hash, inbox.c.state, inbox.c.received_at)
Index("ix_inbox_digest", inbox.c.digest)

inbox_hash = Table(
    "inbox_hash",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("inbox_id", RowId, ForeignKey("inbox.id"), primary_key=True, autoincrement=False),
)
Index("ix_inbox_hash_inbox_id", inbox_hash.c.inbox_id)

issue = Table(
    "issue",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True, comment="the number in EX-42"),
    Column("wrapped_key", LargeBinary, comment="the issue's data key, sealed to the store's key; NULL after a purge"),
    Column("status", Text, nullable=False),
    Column("owner", Text),
    Column("appointed", Text),
    Column("severity", Text),
    Column("category", Text),
    Column("outcome", Text),
    Column("encrypted", Boolean, nullable=False),
    Column("drill", Boolean, nullable=False),
    Column("duplicate_of", RowId, ForeignKey("issue.id")),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("published_at", Instant),
    Column("embargo_until", Instant, comment="NULL: none, or lifted"),
    Column("lifted_at", Instant, comment="when the members agreed to lift the embargo"),
    Column("exploited_at", Instant),
    Column("fixed_at", Instant),
    Column("released_at", Instant),
    Column("sealed", LargeBinary, nullable=False, comment="title, reporter, tags, cvss, cves, links"),
    sqlite_autoincrement=True,
)
Index("ix_issue_status", issue.c.status, issue.c.id)

participant = Table(
    "participant",
    metadata,
    Column("issue_id", RowId, ForeignKey("issue.id"), primary_key=True, autoincrement=False),
    Column("address_hash", LargeBinary, primary_key=True),
    Column("role", Text, nullable=False, comment="reporter, cc or expert"),
    Column("sealed", LargeBinary, nullable=False, comment="address, name"),
)
Index("ix_participant_address_hash", participant.c.address_hash)

message = Table(
    "message",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("issue_id", RowId, ForeignKey("issue.id"), nullable=False),
    Column("direction", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("encrypted", Boolean, nullable=False),
    Column("member_id", Text, comment="the authenticated member who wrote it"),
    Column("inbox_id", RowId, ForeignKey("inbox.id")),
    Column("notice_id", RowId),
    Column("sealed", LargeBinary, nullable=False, comment="from, message_id, signed_by"),
)
Index("ix_message_issue_id", message.c.issue_id, message.c.id)

thread_ref = Table(
    "thread_ref",
    metadata,
    Column("mid_hash", LargeBinary, primary_key=True, comment="of a Message-ID"),
    Column("party_hash", LargeBinary, primary_key=True, comment="of the address that it was sent to, or written from"),
    Column("issue_id", RowId, ForeignKey("issue.id"), primary_key=True, autoincrement=False),
    Column(
        "written",
        Boolean,
        nullable=False,
        comment="true: a participant wrote it, it threads for all; else for the party",
    ),
)

clock = Table(
    "clock",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("issue_id", RowId, ForeignKey("issue.id"), comment="NULL: it belongs to no issue"),
    Column("name", Text, nullable=False),
    Column("subject", Text, comment="what a clock of no issue is about: the fingerprint of a key"),
    Column("state", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("next_at", Instant, comment="the next firing; NULL when there is none"),
    Column("plan", Text, nullable=False, comment="JSON: the firings, as the config was when the clock started"),
    Column("fired", Integer, nullable=False, server_default=text("0"), comment="how many firings of the plan are over"),
    Column("business", Boolean, nullable=False, server_default=text("0"), comment="its target counts business days"),
    Column("paused_at", Instant, comment="since when it stands still"),
    Column("paused", BigInteger, nullable=False, server_default=text("0"), comment="microseconds of all pauses before"),
    Column("fired_at", Instant, comment="the last firing; in the future if the wall clock was set back since"),
    Column("ended_at", Instant, comment="when the duty ended; a missed clock goes on until then"),
    Column("data", Text, nullable=False, server_default=text("'{}'"), comment="JSON: who was asked to coordinate"),
)
Index("ix_clock_next_at", clock.c.next_at)
Index("ix_clock_issue_id", clock.c.issue_id)
Index("ix_clock_fired_at", clock.c.fired_at, sqlite_where=clock.c.fired_at.is_not(None))
Index("ix_clock_subject", clock.c.name, clock.c.subject, sqlite_where=clock.c.issue_id.is_(None))

away = Table(
    "away",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("member_id", Text, nullable=False),
    Column("begins_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False, comment="the first moment at which the member is there again"),
)
Index("ix_away_member_id", away.c.member_id)

turn = Table(
    "turn",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("issue_id", RowId, ForeignKey("issue.id"), nullable=False),
    Column("member_id", Text, nullable=False, comment="who was appointed or claimed: the rotation is fair over all"),
    Column("at", Instant, nullable=False),
)
Index("ix_turn_member_id", turn.c.member_id, turn.c.id)
Index("ix_turn_issue_id", turn.c.issue_id)

stance = Table(
    "stance",
    metadata,
    Column("issue_id", RowId, ForeignKey("issue.id"), primary_key=True, autoincrement=False),
    Column("member_id", Text, primary_key=True),
    Column("stance", Text, nullable=False, comment="agree or object: on the proposal to lift the embargo"),
    Column("seq", Integer, nullable=False, comment="in which order they first spoke; the proposer is the first"),
    Column("at", Instant, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="reason"),
)

notice = Table(
    "notice",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("event", Text, nullable=False),
    Column("issue_id", RowId, ForeignKey("issue.id")),
    Column("blob_id", RowId, ForeignKey("blob.id"), comment="the original mail that goes along"),
    Column("pieces_id", RowId, ForeignKey("blob.id"), comment="what was inside its encryption"),
    Column("created_at", Instant, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'new'")),
    Column("sealed", LargeBinary, nullable=False, comment="the event's parameters"),
    Column("finished_at", Instant),
    *_claim_columns(),
    sqlite_autoincrement=True,
)
Index("ix_notice_waiting", notice.c.state, notice.c.id)
Index("ix_notice_issue_id", notice.c.issue_id, notice.c.id)

outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("notice_id", RowId, ForeignKey("notice.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("issue_id", RowId, ForeignKey("issue.id")),
    Column("member_id", Text, comment="set where a member receives it: membership is checked again at sending time"),
    Column("blob_id", RowId, ForeignKey("blob.id"), nullable=False, comment="the body, shared by copies"),
    Column("created_at", Instant, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("sealed", LargeBinary, nullable=False, comment="recipient, envelope sender, header block"),
    Column("sealed_error", LargeBinary, comment="the smarthost's last answer: it may quote addresses"),
    Column("finished_at", Instant),
    *_claim_columns(),
    UniqueConstraint("notice_id", "seq"),
    sqlite_autoincrement=True,
)
Index("ix_outbox_waiting", outbox.c.state, outbox.c.not_before, outbox.c.id)
Index("ix_outbox_issue_id", outbox.c.issue_id)

audit = Table(
    "audit",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("issue_id", RowId, ForeignKey("issue.id")),
    Column("actor", Text, nullable=False, comment="a member's id, operator, reporter or mailbot"),
    Column("action", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="old, new"),
    Column("hash", LargeBinary, nullable=False, comment="over the previous row's hash and this row's sealed bytes"),
)
Index("ix_audit_issue_id", audit.c.issue_id, audit.c.seq)

acknowledged = Table(
    "acknowledged",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("sender_hash", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
)
Index("ix_acknowledged_sender_hash", acknowledged.c.sender_hash, acknowledged.c.at)
Index("ix_acknowledged_at", acknowledged.c.at)

verdict = Table(
    "verdict",
    metadata,
    Column("issue_id", RowId, ForeignKey("issue.id"), primary_key=True, autoincrement=False),
    Column("member_id", Text, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="reason"),
)

parked = Table(
    "parked",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("issue_id", RowId, ForeignKey("issue.id")),
    Column("member_id", Text, nullable=False, comment="whose commands they are"),
    Column("second", Boolean, nullable=False, comment="true: another member must confirm them; else the same one"),
    Column("at", Instant, nullable=False),
    Column("done_at", Instant, comment="when they were confirmed: they run once"),
    Column("sealed", LargeBinary, nullable=False, comment="the command lines, and the mail that they came in"),
    sqlite_autoincrement=True,
    comment="commands that wait for a /confirm",
)

spent = Table(
    "spent",
    metadata,
    Column("signer", Text, primary_key=True, comment="the fingerprint, or dmarc: and the member where none signed"),
    Column("signed_at", Instant, primary_key=True),
    Column("digest", LargeBinary, primary_key=True, comment="keyed hash of the signed bytes"),
    Column("at", Instant, nullable=False),
    comment="command mails that were handled: each runs once, ever",
)

refusal = Table(
    "refusal",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("member_id", Text, nullable=False),
    Column("at", Instant, nullable=False),
    comment="transcripts of commands that failed, which are counted",
)
Index("ix_refusal_member_id", refusal.c.member_id, refusal.c.at)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("claim_token", Integer, nullable=False),
    Column("claim_owner", Text),
    Column("claim_until", Float),
)

# Few rows are claimed at any time, so these indexes are nearly empty.
for _table in (inbox, notice, outbox):
    Index(f"ix_{_table.name}_claim_owner", _table.c.claim_owner, sqlite_where=_table.c.claim_owner.is_not(None))

public_key = Table(
    "public_key",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("armor", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("addresses", Text, nullable=False, server_default=text("''"), comment="of its user ids, one a line"),
)
