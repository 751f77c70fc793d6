"""One report: counts, response times against limits, and what rings again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

import sqlalchemy as sa

from config.limits import STAGES, Stage
from jingqiao.incidents.deadlines import Deadline, Deadlines
from jingqiao.incidents.incident import AREA, FIELDS, LIVE, UNREAD, Incident, State, from_row
from jingqiao.incidents.tables import incident
from jingqiao.reports.span import Span

AGAIN_DAYS: Final = 30
"""Over how long an asset's incidents are counted, up to the report's end [days]."""
AGAIN_LEAST: Final = 3
AGAIN_MOST: Final = 50
DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class StageFigures:
    """How fast one stage was reached by the incidents of a report.

    reached : how many. median_min, p90_min : minutes from the opening; None where none was.
    in_time, late, waiting : of those with a limit: met, passed, neither yet.
    """

    stage: Stage
    reached: int
    median_min: float | None
    p90_min: float | None
    in_time: int
    late: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Late:
    """A limit that was passed."""

    incident: Incident
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Again:
    """An asset that rang often. count : incidents in AGAIN_DAYS. hazards : of them, the commonest first."""

    asset_id: str
    name: str
    district: str
    road: str
    count: int
    hazards: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """opened : incidents of the span, gravest first, then oldest; no exercises, no areas (members count).
        Where only figures were wanted they have no evidence, no values of their reason, no sensors.

    carried : live at its begin. finished : ended in it. open_at_end : live at its end, or now.
    false_alarms : of `opened`, those judged so. by_hazard : hazard → severity → count. by_district : → count.
    due : incident → its deadlines.
    """

    span: Span
    opened: tuple[Incident, ...]
    carried: int
    finished: int
    open_at_end: int
    false_alarms: int
    by_hazard: Mapping[str, Mapping[str, int]]
    by_district: Mapping[str, int]
    stages: tuple[StageFigures, ...]
    late: tuple[Late, ...]
    again: tuple[Again, ...]
    due: Mapping[int, Sequence[Deadline]]


def report(
    connection: sa.Connection,
    span: Span,
    now: int,
    deadlines: Deadlines,
    *,
    whole: bool = True,
    before: Report | None = None,
    changed: Collection[int] = (),
) -> Report:
    """The report of a span.

    now : int  What is overdue now is so [µs].
    whole : bool  With everything of its incidents; without, a week of ten thousand takes half the time.
    before, changed : a report of figures of the same span and limits, and the incidents of which anything was
        written since (`store.changed_since`): only they are read. What the engine and the escalation note
        of an incident without a transition (values, steps) may be older than that.
    """
    own = [incident.c.opened_at >= span.start, incident.c.opened_at < span.end]
    opened: list[Incident] = []
    if before is not None:
        own.append(incident.c.id.in_(sorted(changed)))
        opened = [item for item in before.opened if item.id not in changed]
    known = {} if before is None else before.due
    due = {item.id: known[item.id] for item in opened}
    fresh = _incidents(connection, *own, whole=whole)
    due |= {item.id: deadlines(item) for item in fresh}
    opened += fresh
    opened.sort(key=lambda item: (-item.severity, item.opened_at, item.id))
    hazards: dict[str, Counter[str]] = {}
    for item in opened:
        hazards.setdefault(item.hazard.value, Counter())[item.severity.colour] += 1
    end = min(span.end, now + 1)  # what opened this very moment is open
    return Report(
        span=span,
        opened=tuple(opened),
        carried=_live_at(connection, span.start),
        finished=_count(connection, incident.c.finished_at >= span.start, incident.c.finished_at < span.end),
        open_at_end=_live_at(connection, end),
        false_alarms=sum(item.state is State.FALSE_ALARM for item in opened),
        by_hazard=hazards,
        by_district=dict(Counter(item.district for item in opened).most_common()),
        stages=tuple(_stage(stage, opened, due, now) for stage in STAGES),
        late=tuple(
            Late(item, deadline) for item in opened for deadline in due[item.id] if deadline.overdue(now)
        ),
        again=_again(connection, span.end),
        due=due,
    )


def _stage(
    stage: Stage, opened: Sequence[Incident], due: Mapping[int, Sequence[Deadline]], now: int
) -> StageFigures:
    minutes = sorted((at - item.opened_at) / 60e6 for item in opened if (at := _reached(item, stage)))
    limits = [deadline for item in opened for deadline in due[item.id] if deadline.stage == stage]
    late = sum(deadline.overdue(now) for deadline in limits)
    in_time = sum(deadline.met_at is not None and not deadline.overdue(now) for deadline in limits)
    p90 = quantiles(minutes, n=10, method="inclusive")[8] if len(minutes) > 1 else None
    return StageFigures(
        stage=stage,
        reached=len(minutes),
        median_min=median(minutes) if minutes else None,
        p90_min=p90 if p90 is not None or not minutes else minutes[0],
        in_time=in_time,
        late=late,
        waiting=len(limits) - in_time - late,
    )


def _reached(item: Incident, stage: Stage) -> int | None:
    """When a stage itself was reached; a skipped one was not."""
    match stage:
        case "answered":
            return item.acknowledged_at
        case "dispatched":
            return item.dispatched_at
        case "on_site":
            return item.on_site_at
        case "repaired":
            return item.resolved_at
        case "closed":
            return item.finished_at if item.state is State.CLOSED else None


_REAL: Final = (incident.c.exercise.is_(False), incident.c.subject.not_like(f"{AREA}%"))


def _incidents(connection: sa.Connection, *where: sa.ColumnElement[bool], whole: bool) -> list[Incident]:
    names = [name for name in FIELDS if whole or name not in UNREAD]
    query = sa.select(*(incident.c[name] for name in names)).where(*_REAL, *where)
    blank = {} if whole else UNREAD
    return [from_row({**blank, **dict(zip(names, row, strict=True))}) for row in connection.execute(query)]


def _count(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(incident).where(*_REAL, *where)) or 0)


def _live_at(connection: sa.Connection, moment: int) -> int:
    """Incidents that were open at a moment."""
    ended = sa.or_(
        incident.c.finished_at > moment,
        sa.and_(incident.c.finished_at.is_(None), incident.c.state.in_([state.value for state in LIVE])),
    )
    return _count(connection, incident.c.opened_at < moment, ended)


def _again(connection: sa.Connection, end: int) -> tuple[Again, ...]:
    since = end - AGAIN_DAYS * DAY_US
    own = (incident.c.opened_at >= since, incident.c.opened_at < end, incident.c.asset_id != "")
    count = sa.func.count().label("count")
    worst = connection.execute(
        sa.select(incident.c.asset_id, count)
        .where(*_REAL, *own)
        .group_by(incident.c.asset_id)
        .having(count >= AGAIN_LEAST)
        .order_by(count.desc(), incident.c.asset_id)
        .limit(AGAIN_MOST)
    ).all()
    found = []
    for asset_id, number in worst:
        rows = _incidents(connection, incident.c.asset_id == asset_id, *own, whole=False)
        kinds = Counter(item.hazard.value for item in rows).most_common()
        newest = max(rows, key=lambda item: item.opened_at)
        found.append(Again(asset_id, newest.name, newest.district, newest.road, number, tuple(kinds)))
    return tuple(found)
