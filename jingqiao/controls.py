"""What people asked of the running service (permits, re-baselines, a new registry) goes into the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ingest.log import Control
from jingqiao.database import reading, writing
from jingqiao.dossier.tables import control_request


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is not in the log yet."""

    id: int
    control: Control


RETRY: Final = "retry"
"""Put through again what sensors sent before they were known: work of its own, `jingqiao.retries`."""


def open_requests(database: sa.Engine, *, retries: bool = False) -> list[Asked]:
    """Requests nobody has taken, oldest first: all but `retry`, or those alone. Who and why go along."""
    table = control_request
    kind = table.c.name == RETRY if retries else table.c.name != RETRY
    with reading(database) as connection:
        rows = connection.execute(
            sa.select(table).where(table.c.taken_seq.is_(None), kind).order_by(table.c.id)
        ).mappings()
        return [Asked(row["id"], _control(dict(row))) for row in rows]


def mark_taken(database: sa.Engine, asked: Sequence[Asked], seq: int) -> None:
    """Note the log record behind the requests, so that they are not taken again."""
    with writing(database) as connection:
        connection.execute(
            sa.update(control_request)
            .where(control_request.c.id.in_([item.id for item in asked]))
            .values(taken_seq=seq)
        )


def _control(row: dict[str, Any]) -> Control:
    payload = {**row["payload"], "who": row["who"], "why": row["why"], "request": row["id"]}
    return Control(row["name"], payload, row["at"])
