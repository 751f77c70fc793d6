"""Runs the schema's revisions on the connection that `jingqiao.database.migrate` hands over."""

from __future__ import annotations

from alembic import context

from jingqiao.database import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
