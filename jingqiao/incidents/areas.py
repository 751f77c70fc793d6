"""Area incidents: many incidents of one cause seen as one, with every member still there by itself.

An area forms by itself where enough incidents of one hazard open near each other in one district within a
while (or where the engine names the cause they share), and takes in what opens beside it later. Members page
by their own severity; what is done with the area is done with its members. People merge and split by hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from config.roster import Calm
from jingqiao.incidents.event import Event, IncidentEvent
from jingqiao.incidents.incident import AREA, LIVE, SYSTEM, Incident, State, from_row
from jingqiao.incidents.nearby import Cell, cell_of, clusters, touches
from jingqiao.incidents.store import insert_incidents, insert_transitions, members_of, update_incidents
from jingqiao.incidents.tables import incident as incident_table
from rules.alarm import Severity

_BATCH: Final = 400
_BEGUN: Final = frozenset({Event.OPENED, Event.REOPENED})


@dataclass(frozen=True, slots=True)
class AreaRule:
    """When incidents are one area.

    least : int  So many make an area. within_us : int  No longer than this apart [µs].
    radius_m : float  What lies no farther apart belongs together [m].
    """

    least: int
    within_us: int
    radius_m: float


def rule_of(calm: Calm) -> AreaRule | None:
    """The rule that a roster sets; None = no area forms by itself."""
    if not calm.area_from:
        return None
    return AreaRule(max(calm.area_from, 2), round(calm.area_within_min * 60_000_000), calm.area_radius_m)


def gather(
    connection: sa.Connection, events: Sequence[IncidentEvent], rule: AreaRule, now: int
) -> list[IncidentEvent]:
    """Put incidents that were just opened into areas, old or new. Gives what happened, already written."""
    fresh = {e.incident.id: e.incident for e in events if e.event in _BEGUN and _gathers(e.incident)}
    if not fresh:
        return []
    groups: dict[tuple[str, str, str], list[Incident]] = defaultdict(list)
    for incident in (*_lonely(connection, fresh, rule, now), *fresh.values()):
        groups[_shared(incident)].append(incident)
    live = _live_areas(connection, {incident.hazard.value for incident in fresh.values()}, rule, now)
    happened: list[IncidentEvent] = []
    for (hazard, district, cause), members in groups.items():
        if not any(member.id in fresh for member in members):
            continue
        here = [area for area in live if (area.hazard.value, area.district) == (hazard, district)]
        happened += _place(connection, members, [a for a in here if _cause(a) == cause], cause, rule, now)
    return happened


def follow(connection: sa.Connection, events: Sequence[IncidentEvent], now: int) -> list[IncidentEvent]:
    """Let areas follow what happened to their members: how grave they are, and when all is done."""
    ids = {e.incident.parent_id for e in events if e.incident.parent_id is not None}
    done_with = {e.incident.id for e in events if e.incident.is_area}
    happened: list[IncidentEvent] = []
    for area_id in sorted(ids - done_with):
        area = _find(connection, area_id)
        if area is None or area.state not in LIVE:
            continue
        event = _followed(area, [m for m in members_of(connection, area_id) if m.state in LIVE], now)
        if event is not None:
            happened.append(_written(connection, area, event, now))
    return happened


def join(
    connection: sa.Connection,
    area: Incident | None,
    members: Sequence[Incident],
    now: int,
    *,
    who: str = SYSTEM,
    why: str = "",
    evidence: Mapping[str, Any],
) -> list[IncidentEvent]:
    """Put incidents into an area, a new one where it is None. Gives what happened, already written."""
    gravest = max(member.severity for member in members)
    happened: list[IncidentEvent] = []
    if area is None:
        new = _new_area(members, gravest, now, evidence)
        id_ = insert_incidents(connection, [new])[new.id]
        area = replace(new, id=id_)
        happened.append(IncidentEvent(Event.OPENED, area, area.severity, who, why))
        insert_transitions(connection, happened, now, [None])
    else:
        grown = replace(
            area,
            severity=max(area.severity, gravest),
            reason_values={"count": int(area.reason_values["count"]) + len(members)},
            evidence=evidence,
            unanswered_since=area.unanswered_since or now,
            episode=area.episode + (area.unanswered_since is None),
            changed_at=now,
        )
        update_incidents(connection, [grown])
        if grown.severity > area.severity:
            raised = IncidentEvent(Event.RAISED, grown, area.severity, who, quiet=True)
            insert_transitions(connection, [raised], now, [area.state])
        area = grown
    inside = [replace(member, parent_id=area.id, changed_at=now) for member in members]
    _set_parent(connection, [member.id for member in inside], area.id, now)
    words = f"#{area.id}" + (f" {why}" if why else "")
    merged = [IncidentEvent(Event.MERGED, m, m.severity, who, words, quiet=True) for m in inside]
    insert_transitions(connection, merged, now, [m.state for m in inside])
    if not happened:
        ids = " ".join(f"#{m.id}" for m in inside)
        grows = IncidentEvent(Event.MERGED, area, area.severity, who, f"{ids} {why}".strip(), quiet=True)
        insert_transitions(connection, [grows], now, [area.state])
    return [*happened, *merged]


def member_counts(connection: sa.Connection, ids: Sequence[int]) -> dict[int, int]:
    """Members of each area."""
    counts: dict[int, int] = {}
    for start in range(0, len(ids), _BATCH):
        query = (
            sa.select(incident_table.c.parent_id, sa.func.count())
            .where(incident_table.c.parent_id.in_(ids[start : start + _BATCH]))
            .group_by(incident_table.c.parent_id)
        )
        counts |= {parent: count for parent, count in connection.execute(query)}  # noqa: C416 - rows
    return counts


def listed_areas(connection: sa.Connection, *, live: bool = True) -> list[Incident]:
    """Area incidents, gravest first, then oldest; live ones only, where not said otherwise."""
    query = (
        sa.select(incident_table)
        .where(incident_table.c.subject.startswith(AREA))
        .order_by(incident_table.c.severity.desc(), incident_table.c.opened_at, incident_table.c.id)
    )
    if live:
        query = query.where(incident_table.c.state.in_([state.value for state in LIVE]))
    return [from_row(dict(row)) for row in connection.execute(query).mappings()]


def cells_of(members: Iterable[Incident], radius_m: float) -> list[Cell]:
    """Cells in which members lie, each once."""
    cells = (cell_of(m.lon, m.lat, radius_m) for m in members if m.lon is not None and m.lat is not None)
    return sorted(set(cells))


def _gathers(incident: Incident) -> bool:
    return (
        not (incident.is_area or incident.kept_apart or incident.exercise or incident.parent_id)
        and bool(incident.asset_id)
        and (bool(_cause(incident)) or incident.lon is not None)
    )


def _cause(incident: Incident) -> str:
    """What the engine (or, of an area, what gathered it) calls the shared cause; "" = only nearness."""
    return str(incident.evidence.get("area") or "")


def _shared(incident: Incident) -> tuple[str, str, str]:
    return incident.hazard.value, incident.district, _cause(incident)


def _place(
    connection: sa.Connection,
    members: Sequence[Incident],
    areas: Sequence[Incident],
    cause: str,
    rule: AreaRule,
    now: int,
) -> list[IncidentEvent]:
    """Members of one hazard, district and cause into areas, each cluster into one."""
    happened: list[IncidentEvent] = []
    by_cell: dict[Cell, list[Incident]] = defaultdict(list)
    for member in members:
        assert cause or (member.lon is not None and member.lat is not None)
        by_cell[_cell(member, cause, rule)].append(member)
    for cluster in clusters(by_cell):
        own = [member for cell in sorted(cluster) for member in by_cell[cell]]
        area = next((a for a in areas if touches(cluster, _area_cells(a))), None)
        if area is None and len(own) < rule.least:
            continue
        cells = set(cluster) | (_area_cells(area) if area is not None else set())
        evidence = {
            "area": cause,
            "cells": sorted(cells),
            "newest_at": now,
            "gathers": True,
            "radius_m": rule.radius_m,
        }
        happened += join(connection, area, own, now, evidence=evidence)
    return happened


def _cell(member: Incident, cause: str, rule: AreaRule) -> Cell:
    if cause or member.lon is None or member.lat is None:
        return (0, 0)  # a named cause has one place
    return cell_of(member.lon, member.lat, rule.radius_m)


def _area_cells(area: Incident) -> set[Cell]:
    return {(int(x), int(y)) for x, y in area.evidence.get("cells", ())}


def _lonely(
    connection: sa.Connection, fresh: Mapping[int, Incident], rule: AreaRule, now: int
) -> list[Incident]:
    """Live incidents of the same hazards, not long ago opened, that are in no area yet."""
    query = sa.select(incident_table).where(
        incident_table.c.hazard.in_({incident.hazard.value for incident in fresh.values()}),
        incident_table.c.state.in_([state.value for state in LIVE]),
        incident_table.c.parent_id.is_(None),
        incident_table.c.opened_at > now - rule.within_us,
    )
    found = [from_row(dict(row)) for row in connection.execute(query).mappings()]
    return [incident for incident in found if incident.id not in fresh and _gathers(incident)]


def _live_areas(
    connection: sa.Connection, hazards: Iterable[str], rule: AreaRule, now: int
) -> list[Incident]:
    query = (
        sa.select(incident_table)
        .where(
            incident_table.c.subject.startswith(AREA),
            incident_table.c.hazard.in_(list(hazards)),
            incident_table.c.state.in_([state.value for state in LIVE]),
        )
        .order_by(incident_table.c.id)
    )
    found = (from_row(dict(row)) for row in connection.execute(query).mappings())
    return [
        area
        for area in found
        if area.evidence.get("gathers")
        and area.evidence.get("radius_m") == rule.radius_m
        and now - int(area.evidence["newest_at"]) <= rule.within_us
    ]


def _new_area(
    members: Sequence[Incident], gravest: Severity, now: int, evidence: Mapping[str, Any]
) -> Incident:
    first = min(members, key=lambda member: (member.event_at, member.id))
    worst = next(member for member in members if member.severity == gravest)
    roads = list(dict.fromkeys(member.road for member in members if member.road))
    located = [m for m in members if m.lon is not None and m.lat is not None]
    return Incident(
        id=-1,
        subject=f"{AREA}{first.id}:{now}",
        asset_id="",
        hazard=worst.hazard,
        severity=gravest,
        state=State.OPEN,
        opened_at=now,
        event_at=first.event_at,
        changed_at=now,
        value=None,
        limit=None,
        unit="",
        reason_key="incidents.area_reason",
        reason_values={"count": len(members)},
        sensor_ids=(),
        provisional=False,
        evidence=evidence,
        alarm_firing=True,
        cleared_at=None,
        kind=worst.kind,
        name="、".join(roads[:3]),
        district=worst.district,
        road="",
        lon=_middle([m.lon for m in located]),
        lat=_middle([m.lat for m in located]),
        unanswered_since=now,
    )


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _followed(area: Incident, live: Sequence[Incident], now: int) -> IncidentEvent | None:
    if not live:
        over = replace(
            area,
            state=State.RESOLVED,
            finished_at=now,
            resolved_at=now,
            changed_at=now,
            alarm_firing=False,
            unanswered_since=None,
        )
        return IncidentEvent(Event.RESOLVED, over, area.severity, SYSTEM)
    gravest = max(member.severity for member in live)
    if gravest == area.severity:
        return None
    event = Event.RAISED if gravest > area.severity else Event.LOWERED
    changed = replace(area, severity=gravest, changed_at=now)
    return IncidentEvent(event, changed, area.severity, SYSTEM, quiet=True)


def _written(connection: sa.Connection, area: Incident, event: IncidentEvent, now: int) -> IncidentEvent:
    update_incidents(connection, [event.incident])
    insert_transitions(connection, [event], now, [area.state])
    return event


def _set_parent(connection: sa.Connection, ids: Sequence[int], parent: int, now: int) -> None:
    for start in range(0, len(ids), _BATCH):
        connection.execute(
            sa.update(incident_table)
            .where(incident_table.c.id.in_(ids[start : start + _BATCH]))
            .values(parent_id=parent, changed_at=now)
        )


def _find(connection: sa.Connection, id_: int) -> Incident | None:
    row = connection.execute(sa.select(incident_table).where(incident_table.c.id == id_)).mappings().first()
    return None if row is None else from_row(dict(row))
