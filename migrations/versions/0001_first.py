"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "acknowledged",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("sender_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acknowledged")),
    )
    op.create_index("ix_acknowledged_at", "acknowledged", ["at"], unique=False)
    op.create_index("ix_acknowledged_sender_hash", "acknowledged", ["sender_hash", "at"], unique=False)
    op.create_table(
        "away",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "ends_at", sa.BigInteger(), nullable=False, comment="the first moment at which the member is there again"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_away")),
    )
    op.create_index("ix_away_member_id", "away", ["member_id"], unique=False)
    op.create_table(
        "issue",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False, comment="the number in EX-42"),
        sa.Column(
            "wrapped_key",
            sa.LargeBinary(),
            nullable=True,
            comment="the issue's data key, sealed to the store's key; NULL after a purge",
        ),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("appointed", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("encrypted", sa.Boolean(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("duplicate_of", ROW_ID, nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("embargo_until", sa.BigInteger(), nullable=True, comment="NULL: none, or lifted"),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True, comment="when the members agreed to lift the embargo"),
        sa.Column("exploited_at", sa.BigInteger(), nullable=True),
        sa.Column("fixed_at", sa.BigInteger(), nullable=True),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="title, reporter, tags, cvss, cves, links"),
        sa.ForeignKeyConstraint(["duplicate_of"], ["issue.id"], name=op.f("fk_issue_duplicate_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_issue_status", "issue", ["status", "id"], unique=False)
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("claim_token", sa.Integer(), nullable=False),
        sa.Column("claim_owner", sa.Text(), nullable=True),
        sa.Column("claim_until", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "public_key",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("armor", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column(
            "addresses",
            sa.Text(),
            server_default=sa.text("('')"),
            nullable=False,
            comment="of its user ids, one a line",
        ),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_public_key")),
    )
    op.create_table(
        "refusal",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusal")),
        comment="transcripts of commands that failed, which are counted",
    )
    op.create_index("ix_refusal_member_id", "refusal", ["member_id", "at"], unique=False)
    op.create_table(
        "secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "wrapped", sa.LargeBinary(), nullable=False, comment="32 random bytes, sealed to the store's public key"
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )
    op.create_table(
        "spent",
        sa.Column(
            "signer", sa.Text(), nullable=False, comment="the fingerprint, or dmarc: and the member where none signed"
        ),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="keyed hash of the signed bytes"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("signer", "signed_at", "digest", name=op.f("pk_spent")),
        comment="command mails that were handled: each runs once, ever",
    )
    op.create_table(
        "audit",
        sa.Column("seq", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("issue_id", ROW_ID, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False, comment="a member's id, operator, reporter or mailbot"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="old, new"),
        sa.Column(
            "hash", sa.LargeBinary(), nullable=False, comment="over the previous row's hash and this row's sealed bytes"
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_audit_issue_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_issue_id", "audit", ["issue_id", "seq"], unique=False)
    op.create_table(
        "blob",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("issue_id", ROW_ID, nullable=True, comment="whose data key wraps the blob's; NULL: the store's"),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_blob_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blob")),
    )
    op.create_table(
        "clock",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("issue_id", ROW_ID, nullable=True, comment="NULL: it belongs to no issue"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "subject", sa.Text(), nullable=True, comment="what a clock of no issue is about: the fingerprint of a key"
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True, comment="the next firing; NULL when there is none"),
        sa.Column(
            "plan", sa.Text(), nullable=False, comment="JSON: the firings, as the config was when the clock started"
        ),
        sa.Column(
            "fired",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="how many firings of the plan are over",
        ),
        sa.Column(
            "business",
            sa.Boolean(),
            server_default=sa.text("0"),
            nullable=False,
            comment="its target counts business days",
        ),
        sa.Column("paused_at", sa.BigInteger(), nullable=True, comment="since when it stands still"),
        sa.Column(
            "paused",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="microseconds of all pauses before",
        ),
        sa.Column(
            "fired_at",
            sa.BigInteger(),
            nullable=True,
            comment="the last firing; in the future if the wall clock was set back since",
        ),
        sa.Column(
            "ended_at", sa.BigInteger(), nullable=True, comment="when the duty ended; a missed clock goes on until then"
        ),
        sa.Column(
            "data",
            sa.Text(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="JSON: who was asked to coordinate",
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_clock_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
    )
    op.create_index(
        "ix_clock_fired_at", "clock", ["fired_at"], unique=False, sqlite_where=sa.text("fired_at IS NOT NULL")
    )
    op.create_index("ix_clock_issue_id", "clock", ["issue_id"], unique=False)
    op.create_index("ix_clock_next_at", "clock", ["next_at"], unique=False)
    op.create_index(
        "ix_clock_subject", "clock", ["name", "subject"], unique=False, sqlite_where=sa.text("issue_id IS NULL")
    )
    op.create_table(
        "parked",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("issue_id", ROW_ID, nullable=True),
        sa.Column("member_id", sa.Text(), nullable=False, comment="whose commands they are"),
        sa.Column(
            "second", sa.Boolean(), nullable=False, comment="true: another member must confirm them; else the same one"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True, comment="when they were confirmed: they run once"),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="the command lines, and the mail that they came in"
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_parked_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked")),
        comment="commands that wait for a /confirm",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "participant",
        sa.Column("issue_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False, comment="reporter, cc or expert"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="address, name"),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_participant_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", "address_hash", name=op.f("pk_participant")),
    )
    op.create_index("ix_participant_address_hash", "participant", ["address_hash"], unique=False)
    op.create_table(
        "stance",
        sa.Column("issue_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("stance", sa.Text(), nullable=False, comment="agree or object: on the proposal to lift the embargo"),
        sa.Column(
            "seq", sa.Integer(), nullable=False, comment="in which order they first spoke; the proposer is the first"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="reason"),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_stance_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", "member_id", name=op.f("pk_stance")),
    )
    op.create_table(
        "thread_ref",
        sa.Column("mid_hash", sa.LargeBinary(), nullable=False, comment="of a Message-ID"),
        sa.Column(
            "party_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="of the address that it was sent to, or written from",
        ),
        sa.Column("issue_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column(
            "written",
            sa.Boolean(),
            nullable=False,
            comment="true: a participant wrote it, it threads for all; else for the party",
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_thread_ref_issue_id")),
        sa.PrimaryKeyConstraint("mid_hash", "party_hash", "issue_id", name=op.f("pk_thread_ref")),
    )
    op.create_table(
        "turn",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("issue_id", ROW_ID, nullable=False),
        sa.Column(
            "member_id",
            sa.Text(),
            nullable=False,
            comment="who was appointed or claimed: the rotation is fair over all",
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_turn_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turn")),
    )
    op.create_index("ix_turn_issue_id", "turn", ["issue_id"], unique=False)
    op.create_index("ix_turn_member_id", "turn", ["member_id", "id"], unique=False)
    op.create_table(
        "verdict",
        sa.Column("issue_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="reason"),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_verdict_issue_id")),
        sa.PrimaryKeyConstraint("issue_id", "member_id", name=op.f("pk_verdict")),
    )
    op.create_table(
        "blob_chunk",
        sa.Column("blob_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_blob_chunk_blob_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("blob_id", "seq", name=op.f("pk_blob_chunk")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("blob_id", ROW_ID, nullable=False, comment="chunk 0 is the envelope"),
        sa.Column("state", sa.Text(), server_default=sa.text("'new'"), nullable=False),
        sa.Column(
            "turn",
            sa.Integer(),
            nullable=True,
            comment="order of claims, fair between senders; NULL until the first pass saw the row",
        ),
        sa.Column("sender_hash", sa.LargeBinary(), nullable=True),
        sa.Column(
            "digest",
            sa.LargeBinary(),
            nullable=True,
            comment="keyed hash of the mail apart from its trace headers, and its recipients",
        ),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("issue_id", ROW_ID, nullable=True),
        sa.Column("cause", sa.Text(), nullable=True, comment="why it is quarantined or held: one of our own phrases"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="of a held mail: who wrote it, the subject"),
        sa.Column(
            "released_by",
            sa.Text(),
            nullable=True,
            comment="who let it through after it was held: a member's id or operator",
        ),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("claim_token", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("claim_owner", sa.Text(), nullable=True),
        sa.Column("claim_until", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_inbox_blob_id")),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_inbox_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_inbox_claim_owner", "inbox", ["claim_owner"], unique=False, sqlite_where=sa.text("claim_owner IS NOT NULL")
    )
    op.create_index("ix_inbox_digest", "inbox", ["digest"], unique=False)
    op.create_index("ix_inbox_sender", "inbox", ["sender_hash", "state", "received_at"], unique=False)
    op.create_index("ix_inbox_waiting", "inbox", ["state", "turn", "id"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("issue_id", ROW_ID, nullable=True),
        sa.Column("blob_id", ROW_ID, nullable=True, comment="the original mail that goes along"),
        sa.Column("pieces_id", ROW_ID, nullable=True, comment="what was inside its encryption"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'new'"), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the event's parameters"),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("claim_token", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("claim_owner", sa.Text(), nullable=True),
        sa.Column("claim_until", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_notice_blob_id")),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_notice_issue_id")),
        sa.ForeignKeyConstraint(["pieces_id"], ["blob.id"], name=op.f("fk_notice_pieces_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_notice_claim_owner",
        "notice",
        ["claim_owner"],
        unique=False,
        sqlite_where=sa.text("claim_owner IS NOT NULL"),
    )
    op.create_index("ix_notice_issue_id", "notice", ["issue_id", "id"], unique=False)
    op.create_index("ix_notice_waiting", "notice", ["state", "id"], unique=False)
    op.create_table(
        "inbox_hash",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("inbox_id", ROW_ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_inbox_hash_inbox_id")),
        sa.PrimaryKeyConstraint("hash", "inbox_id", name=op.f("pk_inbox_hash")),
    )
    op.create_index("ix_inbox_hash_inbox_id", "inbox_hash", ["inbox_id"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("issue_id", ROW_ID, nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("encrypted", sa.Boolean(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=True, comment="the authenticated member who wrote it"),
        sa.Column("inbox_id", ROW_ID, nullable=True),
        sa.Column("notice_id", ROW_ID, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="from, message_id, signed_by"),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_message_inbox_id")),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_message_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index("ix_message_issue_id", "message", ["issue_id", "id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("notice_id", ROW_ID, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("issue_id", ROW_ID, nullable=True),
        sa.Column(
            "member_id",
            sa.Text(),
            nullable=True,
            comment="set where a member receives it: membership is checked again at sending time",
        ),
        sa.Column("blob_id", ROW_ID, nullable=False, comment="the body, shared by copies"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="recipient, envelope sender, header block"),
        sa.Column(
            "sealed_error",
            sa.LargeBinary(),
            nullable=True,
            comment="the smarthost's last answer: it may quote addresses",
        ),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("claim_token", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("claim_owner", sa.Text(), nullable=True),
        sa.Column("claim_until", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_outbox_blob_id")),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_outbox_issue_id")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_outbox_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("notice_id", "seq", name=op.f("uq_outbox_notice_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_claim_owner",
        "outbox",
        ["claim_owner"],
        unique=False,
        sqlite_where=sa.text("claim_owner IS NOT NULL"),
    )
    op.create_index("ix_outbox_issue_id", "outbox", ["issue_id"], unique=False)
    op.create_index("ix_outbox_waiting", "outbox", ["state", "not_before", "id"], unique=False)
