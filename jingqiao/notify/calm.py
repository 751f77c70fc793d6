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

from config.roster import Roster
from jingqiao.incidents.incident import LIVE, Incident, from_row
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.outbox import STEP_KINDS, MessageState, NewMessage, enqueue
from jingqiao.notify.silences import Mutes, mutes_at, note_muted
from jingqiao.notify.summaries import Link, rows_of, summarise, update_messages
from jingqiao.notify.tables import message
from rules.alarm import Severity

_HOUR_US: Final = 3_600_000_000
_BATCH: Final = 400
_CELL_DEG: Final = 0.02
"""About two kilometres: what an area is where the engine names none."""
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
    link: Link | None = None,
) -> None:
    """Put messages into the outbox: at once, together, or held back. link : makes the links of summaries."""
    urgent = [new for new in messages if _at_once(new)]
    if roster.calm.red_together:
        urgent = _red_together(connection, roster, urgent, now, link)
    enqueue(connection, urgent, now)
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
    note_muted(connection, [(m.held, m.incident_id) for m in held], now)
    for person, own in ready.items():
        held += _send(connection, roster, person, own, now, link)
    enqueue(connection, held, now)


def _at_once(new: NewMessage) -> bool:
    """Red, and drills: these are neither held back nor counted against anybody's hour."""
    return new.severity >= Severity.RED or new.exercise


def _red_together(
    connection: sa.Connection, roster: Roster, urgent: Sequence[NewMessage], now: int, link: Link | None
) -> list[NewMessage]:
    """Sum up red askings of one area at one moment, a message a person; gives what goes out by itself."""
    alone: list[NewMessage] = []
    groups: dict[tuple[str, str], list[NewMessage]] = defaultdict(list)
    for new in _unknown(connection, urgent):
        if new.area and new.kind in STEP_KINDS and not new.exercise:
            groups[new.person, new.area].append(new)
        else:
            alone.append(new)
    for (person, _), members in groups.items():
        if len(members) < roster.calm.group_from:
            alone += members
            continue
        enqueue(connection, [replace(new, held="group", held_until=now) for new in members], now)
        rows = rows_of(connection, [new.dedup_key for new in members])
        summarise(connection, roster, person, rows, "area", now, link)
    return alone


def release(connection: sa.Connection, roster: Roster, now: int, link: Link | None = None) -> None:
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
        _release_one(connection, roster, person, mutes, now, link)


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
    connection: sa.Connection,
    roster: Roster,
    person: str,
    own: Sequence[NewMessage],
    now: int,
    link: Link | None,
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
                rows = rows_of(connection, [new.dedup_key for new in kept])
                summarise(connection, roster, person, rows, "area", now, link)
            else:
                enqueue(connection, some, now)
    return waiting


def _release_one(
    connection: sa.Connection, roster: Roster, person: str, mutes: Mutes, now: int, link: Link | None
) -> None:
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
    update_messages(connection, over, state=MessageState.CANCELLED.value, due_at=None, finished_at=now)
    kept = {row["id"]: row["incident_id"] for row in rows}
    note_muted(connection, [(reason, kept[id_]) for (reason, _), ids in longer.items() for id_ in ids], now)
    for (reason, until), ids in longer.items():
        update_messages(connection, ids, held=reason, due_at=until)
    if not ready:
        return
    most = roster.calm.most_an_hour
    times = _let_go(connection, person, most, now)
    if len(times) >= most:
        update_messages(connection, [row["id"] for row in ready], due_at=times[-most] + _HOUR_US)
    elif len(ready) == 1:
        update_messages(
            connection, [ready[0]["id"]], state=MessageState.PENDING.value, due_at=now, let_go_at=now
        )
    else:
        summarise(connection, roster, person, ready, "digest", now, link)


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


def _incidents(connection: sa.Connection, ids: Iterable[int]) -> dict[int, Incident]:
    wanted = sorted(ids)
    found: dict[int, Incident] = {}
    for start in range(0, len(wanted), _BATCH):
        query = sa.select(incident_table).where(incident_table.c.id.in_(wanted[start : start + _BATCH]))
        for row in connection.execute(query).mappings():
            found[row["id"]] = from_row(dict(row))
    return found
