"""What announced work kept from being told: put on record beside the alarms, and told when somebody asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from config.messages import Language
from jingqiao.backtest.view import reason_text
from jingqiao.incidents.alarms import said
from jingqiao.incidents.tables import muted_alarm
from jingqiao.incidents.view import rfc3339
from rules.alarm import AlarmState, Hazard, MutedAlarm, Reason, Severity

_BATCH = 400
"""Keys in one query: SQLite takes a limited number of bound values."""


@dataclass(frozen=True, slots=True)
class Muted:
    """An alarm that people would have been told of, had there been no work.

    permit : int  Number of the work that kept it back.
    severity, value, limit, unit, reason, evidence : as it was when it was gravest.
    since, until : int  Event time [µs since 1970 UTC]; until None = it stood as long as the work went on.
    historical : It was found in readings that came too late: nobody would have been woken anyway.
    """

    permit: int
    asset_id: str
    sensor_id: str
    hazard: Hazard
    severity: Severity
    since: int
    until: int | None
    value: float | None
    limit: float | None
    unit: str
    reason: Reason
    provisional: bool
    historical: bool
    evidence: Mapping[str, Any]


def note_muted(connection: sa.Connection, muted: Iterable[tuple[int, MutedAlarm]], now: int) -> None:
    """Write down (log record, what was muted), once for each permit that held at that time."""
    rows = [
        {
            "seq": seq,
            "recorded_at": now,
            "permit_id": window.request,
            "permit_until": window.end,
            "asset_id": item.change.asset_id,
            "sensor_id": item.change.sensor_ids[0],
            "detector": item.detector,
            **said(item.change),
        }
        for seq, item in muted
        for window in item.permits
    ]
    if rows:
        connection.execute(sa.insert(muted_alarm), rows)


def muted_by(connection: sa.Connection, permits: Collection[int]) -> dict[int, list[Muted]]:
    """Permit → what it kept from being told, the earliest first; permits that muted nothing are left out."""
    wanted, found = sorted(permits), list[sa.RowMapping]()
    for start in range(0, len(wanted), _BATCH):
        query = sa.select(muted_alarm).where(muted_alarm.c.permit_id.in_(wanted[start : start + _BATCH]))
        found += connection.execute(query.order_by(muted_alarm.c.id)).mappings().all()
    return _spans(found)


def kept_back_now(connection: sa.Connection, now: int) -> dict[int, list[Muted]]:
    """Permit → what it keeps from being told at this moment, of all work that goes on."""
    query = sa.select(muted_alarm).where(muted_alarm.c.permit_until > now).order_by(muted_alarm.c.id)
    standing = {
        permit: [item for item in items if item.until is None]
        for permit, items in _spans(connection.execute(query).mappings().all()).items()
    }
    return {permit: items for permit, items in standing.items() if items}


def as_json(item: Muted, language: Language) -> dict[str, Any]:
    """One muted alarm, JSON-ready; `to` null = it stood as long as the work went on, or still stands."""
    return {
        "asset_id": item.asset_id,
        "sensor_id": item.sensor_id,
        "hazard": item.hazard.value,
        "severity": item.severity.colour,
        "from": rfc3339(item.since),
        "to": rfc3339(item.until),
        "value": item.value,
        "limit": item.limit,
        "unit": item.unit,
        "reason": reason_text(item.reason, language),
        "provisional": item.provisional,
        "historical": item.historical,
        "evidence": dict(item.evidence),
    }


def _spans(rows: Sequence[sa.RowMapping]) -> dict[int, list[Muted]]:
    """Changes folded to alarms, each from its beginning to its end."""
    found: dict[int, list[Muted]] = {}
    standing: dict[tuple[Any, ...], int] = {}
    for row in rows:
        permit = row["permit_id"]
        items = found.setdefault(permit, [])
        key = (permit, row["sensor_id"], row["hazard"], row["detector"])
        at = standing.get(key)
        if row["historical"]:
            items.append(_muted(row, row["event_at"], row["event_at"]))
        elif row["state"] == AlarmState.CLEAR:
            if at is not None:
                items[at] = replace(items[at], until=row["event_at"])
                del standing[key]
        elif at is None:
            standing[key] = len(items)
            items.append(_muted(row, row["event_at"], None))
        elif row["severity"] > items[at].severity:
            items[at] = _muted(row, items[at].since, None)
    return {
        permit: sorted(items, key=lambda item: (item.since, item.sensor_id, item.hazard))
        for permit, items in found.items()
        if items
    }


def _muted(row: sa.RowMapping, since: int, until: int | None) -> Muted:
    return Muted(
        permit=row["permit_id"],
        asset_id=row["asset_id"],
        sensor_id=row["sensor_id"],
        hazard=Hazard(row["hazard"]),
        severity=Severity(row["severity"]),
        since=since,
        until=until,
        value=row["value"],
        limit=row["limit"],
        unit=row["unit"],
        reason=Reason(row["reason_key"], row["reason_values"]),
        provisional=row["provisional"],
        historical=row["historical"],
        evidence=row["evidence"],
    )
