"""Summaries: one message that stands for many rows, each of which stays and says which message told it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from config.messages import Language, text
from config.roster import Roster
from jingqiao.incidents.incident import Incident, from_row
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.outbox import STEP_KINDS, MessageState, NewMessage, enqueue
from jingqiao.notify.tables import message
from jingqiao.notify.text import severity_name
from rules.alarm import Severity

LISTED: Final = 20
"""Members that a summary names; the others are counted."""
_BATCH: Final = 400

Link = Callable[[int, str, int], str | None]
"""(incident id, person id, episode) → one-touch link to answer; None = none to offer."""


def summarise(
    connection: sa.Connection,
    roster: Roster,
    person: str,
    rows: Sequence[Mapping[str, Any]],
    kind: str,
    now: int,
    link: Link | None = None,
) -> None:
    """Put one message into the outbox that stands for these rows.

    kind : `area` (one danger in one area) or `digest` (what was held back).
    link : where one answer can answer for all, because they are one area incident.
    """
    language: Language = roster.language
    if person in roster.people:
        language = roster.people[person].language or roster.language
    latest: dict[Any, Mapping[str, Any]] = {}
    for row in rows:
        latest[row["incident_id"] if row["incident_id"] is not None else ("message", row["id"])] = row
    gravest = max(row["severity"] for row in rows)
    severity = severity_name(Severity(gravest), language)
    title = text(f"calm.{kind}", language, severity=severity, count=len(latest))
    lines = [title, *(_line(row) for row in list(latest.values())[:LISTED])]
    if len(latest) > LISTED:
        lines.append(text("calm.more", language, count=len(latest) - LISTED))
    asks = any(row["kind"] in STEP_KINDS for row in rows)
    area = _area_of(connection, [id_ for id_ in latest if isinstance(id_, int)]) if asks else None
    if area is not None:
        address = link(area.id, person, area.episode) if link is not None else None
        if address is not None:
            lines.append(text("notify.answer_link", language, link=address))
        lines.append(text("notify.answer_area", language, id=area.id))
    elif asks:
        lines.append(text("calm.answer", language))
    key = f"{kind}:{rows[0]['id']}:{now}:{person}"
    first = rows[0]["fields"]
    summary = NewMessage(
        dedup_key=key,
        incident_id=None if area is None else area.id,
        kind=kind,
        severity=gravest,
        person=person,
        role=rows[0]["role"],
        title=title,
        body="\n".join(lines),
        fields={
            "severity": severity,
            "hazard": title,
            "place": first.get("place", ""),
            "id": first.get("id", "") if area is None else str(area.id),
            "note": title,
        },
        area=rows[0]["area"] or "",
    )
    enqueue(connection, [summary], now)
    id_ = connection.execute(sa.select(message.c.id).where(message.c.dedup_key == key)).scalar_one()
    update_messages(
        connection,
        [row["id"] for row in rows],
        state=MessageState.MERGED.value,
        told_by=id_,
        due_at=None,
        finished_at=now,
    )


def rows_of(connection: sa.Connection, keys: Sequence[str]) -> list[Mapping[str, Any]]:
    """Messages by their keys, gravest first."""
    found: list[Mapping[str, Any]] = []
    for start in range(0, len(keys), _BATCH):
        query = (
            sa.select(message)
            .where(message.c.dedup_key.in_(keys[start : start + _BATCH]))
            .order_by(message.c.severity.desc(), message.c.id)
        )
        found += [dict(row) for row in connection.execute(query).mappings()]
    return found


def update_messages(connection: sa.Connection, ids: Sequence[int], **values: Any) -> None:
    """Change columns of messages."""
    for start in range(0, len(ids), _BATCH):
        connection.execute(
            sa.update(message).where(message.c.id.in_(ids[start : start + _BATCH])).values(**values)
        )


def _line(row: Mapping[str, Any]) -> str:
    head = str(row["body"]).partition("\n")[0]
    return f"#{row['incident_id']} {head}" if row["incident_id"] is not None else head


def _area_of(connection: sa.Connection, incident_ids: Sequence[int]) -> Incident | None:
    """The one area incident that all of them are members of."""
    parents: set[int | None] = set()
    for start in range(0, len(incident_ids), _BATCH):
        some = incident_ids[start : start + _BATCH]
        query = sa.select(incident_table.c.parent_id).where(incident_table.c.id.in_(some)).distinct()
        parents |= set(connection.execute(query).scalars())
    if len(parents) != 1 or (parent := parents.pop()) is None:
        return None
    row = connection.execute(sa.select(incident_table).where(incident_table.c.id == parent)).mappings().one()
    return from_row(dict(row))
