"""Messages to people as the console and API list them: newest first, each with its tries and receipts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from jingqiao.notify.tables import attempt, message, receipt


@dataclass(frozen=True, slots=True)
class Letter:
    """One message; attempts oldest first, each with its `receipts`."""

    message: Mapping[str, Any]
    attempts: Sequence[Mapping[str, Any]]


def letters(
    connection: sa.Connection,
    limit: int,
    *,
    before: int | None = None,
    state: str = "",
    person: str = "",
    incident_id: int | None = None,
) -> list[Letter]:
    """The newest messages; "" and None = any. before : only ids smaller than this."""
    query = sa.select(message).order_by(message.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(message.c.id < before)
    if state:
        query = query.where(message.c.state == state)
    if person:
        query = query.where(message.c.person == person)
    if incident_id is not None:
        query = query.where(message.c.incident_id == incident_id)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    tries = _tries(connection, [row["id"] for row in rows])
    return [Letter(row, tries[row["id"]]) for row in rows]


def _tries(connection: sa.Connection, message_ids: Sequence[int]) -> Mapping[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    by_id: dict[int, dict[str, Any]] = {}
    query = sa.select(attempt).where(attempt.c.message_id.in_(message_ids)).order_by(attempt.c.id)
    for row in connection.execute(query).mappings():
        one = {**row, "receipts": []}
        found[row["message_id"]].append(one)
        by_id[row["id"]] = one
    for row in connection.execute(
        sa.select(receipt).where(receipt.c.attempt_id.in_(list(by_id))).order_by(receipt.c.id)
    ).mappings():
        by_id[row["attempt_id"]]["receipts"].append(dict(row))
    return found
