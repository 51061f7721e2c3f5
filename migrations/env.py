"""Alembic runs the migrations on the database that mailbot hands over."""

from alembic import context

from mailbot.storage import tables

with context.config.attributes["database"].write() as connection:
    context.configure(
        connection=connection,
        target_metadata=tables.metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
