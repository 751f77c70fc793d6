"""The audit log: who did what, when, from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from jingqiao.accounts.tables import audit


def note(
    connection: sa.Connection,
    *,
    at: int,
    who: str,
    action: str,
    subject: str = "",
    address: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a row. at : int  [µs since 1970 UTC]; never give it passwords, tokens or phone numbers."""
    connection.execute(
        sa.insert(audit).values(
            at=at,
            who=who[:128],
            action=action,
            subject=subject[:192],
            details=dict(details or {}),
            address=address[:64],
        )
    )


def entries(
    connection: sa.Connection, limit: int, *, before: int | None = None, who: str = "", subject: str = ""
) -> Sequence[Mapping[str, Any]]:
    """The newest rows, newest first. before : int | None  Only rows with a smaller id."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    if who:
        query = query.where(audit.c.who == who)
    if subject:
        query = query.where(audit.c.subject == subject)
    return [dict(row) for row in connection.execute(query).mappings()]
