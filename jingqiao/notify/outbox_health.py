"""Whether messages get out at all: from the rows, so that a dead dispatcher shows as a dead line does."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from jingqiao.database import reading
from jingqiao.notify.outbox import MessageState
from jingqiao.notify.sender import Result
from jingqiao.notify.tables import attempt, message

WINDOW_US: Final = 15 * 60 * 1_000_000
"""How far back tries are looked at [µs]."""
OVERDUE_US: Final = 2 * 60 * 1_000_000
"""How long a message may be due before nobody can be working on the outbox [µs]."""
_FAILURES: Final = (Result.FAILED_TEMPORARY.value, Result.FAILED_PERMANENT.value, "unknown_repeated")


def outbox_trouble(database: sa.Engine, now: int) -> str | None:
    """`stopped`: due messages lie there; `failing`: of the last quarter of an hour's tries none went out."""
    with reading(database) as connection:
        oldest = connection.execute(
            sa.select(sa.func.min(message.c.due_at)).where(
                message.c.state.in_([MessageState.PENDING.value, MessageState.SENDING.value])
            )
        ).scalar()
        if oldest is not None and oldest < now - OVERDUE_US:
            return "stopped"
        outcomes = set(
            connection.execute(
                sa.select(attempt.c.outcome).where(attempt.c.finished_at > now - WINDOW_US).distinct()
            ).scalars()
        )
    failing = bool(outcomes & set(_FAILURES)) and Result.SENT.value not in outcomes
    return "failing" if failing else None
