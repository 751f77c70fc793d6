"""Calm: below red nobody is told more than helps. What is held back stays a row, with why and until when.

Red is never held, grouped or muted. The order: what mutes it (`silences.py`), quiet hours, the same danger
in the same area, the person's hour. What was held is told in one summary.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from config.messages import Language, text
from config.roster import Roster
from jingqiao.incidents.incident import LIVE, Incident, from_row
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.outbox import STEP_KINDS, MessageState, NewMessage, enqueue
from jingqiao.notify.silences import Mutes, mutes_at
from jingqiao.notify.tables import message
from jingqiao.notify.text import severity_name
from rules.alarm import Severity

_HOUR_US: Final = 3_600_000_000
_BATCH: Final = 400
_CELL_DEG: Final = 0.02
"""About two kilometres: what an area is where the engine names none."""
LISTED: Final = 20
"""Members that a summary names; the others are counted."""
_TOO_MUCH: Final = ("rate", "group")


def area_of(incident: Incident) -> str:
    """What is told together: the engine's own `area`, else hazard, district and two kilometres of ground."""
    named = incident.evidence.get("area")
    if named:
        return f"{incident.hazard}|{named}"[:128]
    if incident.lon is None or incident.lat is None:
        return f"{incident.hazard}|{incident.district}|{incident.road}"[:128] if incident.district else ""
    cell = f"{math.floor(incident.lon / _CELL_DEG)},{math.floor(incident.lat / _CELL_DEG)}"
    return f"{incident.hazard}|{incident.district}|{cell}"[:128]


def sift(
    connection: sa.Connection,
    roster: Roster,
    messages: Sequence[NewMessage],
    incidents: Mapping[int, Incident],
    now: int,
) -> None:
    """Put messages into the outbox: at once, together, or held back."""
    enqueue(connection, [new for new in messages if _at_once(new)], now)
    lesser = _unknown(connection, [new for new in messages if not _at_once(new)])
    if not lesser:
        return
    mutes = mutes_at(connection, now)
    ready: dict[str, list[NewMessage]] = defaultdict(list)
    held: list[NewMessage] = []
    for new in lesser:
        incident = incidents.get(new.incident_id) if new.incident_id is not None else None
        why = _holds(roster, mutes, incident, new.severity, now)
        if why is None:
            ready[new.person].append(new)
        else:
            held.append(replace(new, held=why[0], held_until=why[1]))
    for person, own in ready.items():
        held += _send(connection, roster, person, own, now)
    enqueue(connection, held, now)


def _at_once(new: NewMessage) -> bool:
    """Red, and drills: these are neither held back nor counted against anybody's hour."""
    return new.severity >= Severity.RED or new.exercise


def release(connection: sa.Connection, roster: Roster, now: int) -> None:
    """Tell what was held back and may be told now: alone, or as one summary a person."""
    due = connection.execute(
        sa.select(message.c.person)
        .where(message.c.state == MessageState.HELD.value, message.c.due_at <= now)
        .distinct()
    ).scalars()
    people = list(due)
    if not people:
        return
    mutes = mutes_at(connection, now)
    for person in people:
        _release_one(connection, roster, person, mutes, now)


def quiet_until(roster: Roster, now: int) -> int | None:
    """When the quiet hours end [µs]; None outside them."""
    calm = roster.calm
    if calm.quiet_from == calm.quiet_to:
        return None
    local = datetime.fromtimestamp(now / 1_000_000, roster.zone)
    at = local.time()
    if calm.quiet_from < calm.quiet_to:
        quiet = calm.quiet_from <= at < calm.quiet_to
    else:
        quiet = at >= calm.quiet_from or at < calm.quiet_to
    if not quiet:
        return None
    day = local.date() + timedelta(days=1 if at >= calm.quiet_to else 0)
    return round(datetime.combine(day, calm.quiet_to, roster.zone).timestamp() * 1_000_000)


def _holds(
    roster: Roster, mutes: Mutes, incident: Incident | None, severity: int, now: int
) -> tuple[str, int] | None:
    """(why, until when [µs]) where a message has to wait."""
    muted = mutes.of(incident, now) if incident is not None else None
    if muted is not None:
        return muted
    quiet = quiet_until(roster, now) if severity <= Severity.YELLOW else None
    return None if quiet is None else ("quiet", quiet)


def _send(
    connection: sa.Connection, roster: Roster, person: str, own: Sequence[NewMessage], now: int
) -> list[NewMessage]:
    """Send what one person may get now; give what has to wait."""
    calm = roster.calm
    times = _let_go(connection, person, calm.most_an_hour, now)
    recent = _recent_areas(connection, person, now - round(calm.group_within_s * 1_000_000), own)
    areas: dict[str, list[NewMessage]] = defaultdict(list)
    for i, new in enumerate(sorted(own, key=lambda new: -new.severity)):
        areas[new.area if new.area and new.kind in STEP_KINDS else f"alone {i}"].append(new)
    waiting: list[NewMessage] = []
    last_but_one = max(calm.most_an_hour - 1, 1)
    until = now + round(calm.digest_min * 60_000_000)
    for area, members in areas.items():
        together = len(members) >= calm.group_from
        if recent.get(area, 0) >= calm.group_from:
            soon = now + round(calm.group_within_s * 1_000_000)
            waiting += [replace(new, held="group", held_until=soon) for new in members]
            continue
        for some in [members] if together else [[new] for new in members]:
            if len(times) >= last_but_one:
                waiting += [replace(new, held="rate", held_until=until) for new in some]
                continue
            times.append(now)
            if together:
                kept = [replace(new, held="group", held_until=now) for new in some]
                enqueue(connection, kept, now)
                rows = _rows(connection, [new.dedup_key for new in kept])
                _summarise(connection, roster, person, rows, "area", now)
            else:
                enqueue(connection, some, now)
    return waiting


def _release_one(connection: sa.Connection, roster: Roster, person: str, mutes: Mutes, now: int) -> None:
    rows = (
        connection.execute(
            sa.select(message)
            .where(
                message.c.person == person,
                message.c.state == MessageState.HELD.value,
                sa.or_(message.c.due_at <= now, message.c.held.in_(_TOO_MUCH)),
            )
            .order_by(message.c.severity.desc(), message.c.id)
        )
        .mappings()
        .all()
    )
    incidents = _incidents(connection, {row["incident_id"] for row in rows if row["incident_id"] is not None})
    over: list[int] = []
    longer: dict[tuple[str, int], list[int]] = defaultdict(list)
    ready: list[Mapping[str, Any]] = []
    for row in rows:
        incident = incidents.get(row["incident_id"])
        if row["kind"] in STEP_KINDS and (incident is None or not _waits(incident)):
            over.append(row["id"])
            continue
        why = _holds(roster, mutes, incident, row["severity"], now)
        if why is not None:
            longer[why].append(row["id"])
        else:
            ready.append(dict(row))
    _update(connection, over, state=MessageState.CANCELLED.value, due_at=None, finished_at=now)
    for (reason, until), ids in longer.items():
        _update(connection, ids, held=reason, due_at=until)
    if not ready:
        return
    most = roster.calm.most_an_hour
    times = _let_go(connection, person, most, now)
    if len(times) >= most:
        _update(connection, [row["id"] for row in ready], due_at=times[-most] + _HOUR_US)
    elif len(ready) == 1:
        _update(connection, [ready[0]["id"]], state=MessageState.PENDING.value, due_at=now, let_go_at=now)
    else:
        _summarise(connection, roster, person, ready, "digest", now)


def _summarise(
    connection: sa.Connection,
    roster: Roster,
    person: str,
    rows: Sequence[Mapping[str, Any]],
    kind: str,
    now: int,
) -> None:
    """One message that stands for many rows."""
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
    if any(row["kind"] in STEP_KINDS for row in rows):
        lines.append(text("calm.answer", language))
    key = f"{kind}:{rows[0]['id']}:{now}:{person}"
    first = rows[0]["fields"]
    fields = {
        "severity": severity,
        "hazard": title,
        "place": first.get("place", ""),
        "id": first.get("id", ""),
        "note": title,
    }
    summary = NewMessage(key, None, kind, gravest, person, rows[0]["role"], title, "\n".join(lines), fields)
    enqueue(connection, [replace(summary, area=rows[0]["area"] or "")], now)
    id_ = connection.execute(sa.select(message.c.id).where(message.c.dedup_key == key)).scalar_one()
    _update(
        connection,
        [row["id"] for row in rows],
        state=MessageState.MERGED.value,
        told_by=id_,
        due_at=None,
        finished_at=now,
    )


def _line(row: Mapping[str, Any]) -> str:
    head = str(row["body"]).partition("\n")[0]
    return f"#{row['incident_id']} {head}" if row["incident_id"] is not None else head


def _waits(incident: Incident) -> bool:
    return incident.state in LIVE and incident.unanswered_since is not None


def _let_go(connection: sa.Connection, person: str, most: int, now: int) -> list[int]:
    """When the last `most` messages below red of the past hour went out [µs], oldest first."""
    query = (
        sa.select(message.c.let_go_at)
        .where(
            message.c.person == person,
            message.c.let_go_at > now - _HOUR_US,
            message.c.severity < int(Severity.RED),
            message.c.exercise.is_(False),
        )
        .order_by(message.c.let_go_at.desc())
        .limit(most)
    )
    return [at for at in reversed(connection.execute(query).scalars().all()) if at is not None]


def _recent_areas(
    connection: sa.Connection, person: str, since: int, own: Sequence[NewMessage]
) -> Mapping[str, int]:
    """Area → messages of it that this person got, or would have got, since then."""
    areas = list({new.area for new in own if new.area})
    counts: dict[str, int] = {}
    for start in range(0, len(areas), _BATCH):
        query = (
            sa.select(message.c.area, sa.func.count())
            .where(
                message.c.person == person,
                message.c.created_at > since,
                message.c.severity < int(Severity.RED),
                message.c.exercise.is_(False),
                message.c.area.in_(areas[start : start + _BATCH]),
            )
            .group_by(message.c.area)
        )
        counts |= {area: count for area, count in connection.execute(query)}  # noqa: C416 - rows
    return counts


def _unknown(connection: sa.Connection, messages: Sequence[NewMessage]) -> list[NewMessage]:
    """Those whose key is not in the outbox yet, each key once."""
    fresh = {new.dedup_key: new for new in reversed(messages)}
    keys = list(fresh)
    for start in range(0, len(keys), _BATCH):
        query = sa.select(message.c.dedup_key).where(message.c.dedup_key.in_(keys[start : start + _BATCH]))
        for key in connection.execute(query).scalars():
            del fresh[key]
    return list(reversed(fresh.values()))


def _rows(connection: sa.Connection, keys: Sequence[str]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for start in range(0, len(keys), _BATCH):
        query = (
            sa.select(message)
            .where(message.c.dedup_key.in_(keys[start : start + _BATCH]))
            .order_by(message.c.severity.desc(), message.c.id)
        )
        found += [dict(row) for row in connection.execute(query).mappings()]
    return found


def _incidents(connection: sa.Connection, ids: Iterable[int]) -> dict[int, Incident]:
    wanted = sorted(ids)
    found: dict[int, Incident] = {}
    for start in range(0, len(wanted), _BATCH):
        query = sa.select(incident_table).where(incident_table.c.id.in_(wanted[start : start + _BATCH]))
        for row in connection.execute(query).mappings():
            found[row["id"]] = from_row(dict(row))
    return found


def _update(connection: sa.Connection, ids: Sequence[int], **values: Any) -> None:
    for start in range(0, len(ids), _BATCH):
        connection.execute(
            sa.update(message).where(message.c.id.in_(ids[start : start + _BATCH])).values(**values)
        )
