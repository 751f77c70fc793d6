"""How many incidents are open and where messages stand, for health, metrics and the demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from jingqiao.database import reading
from jingqiao.incidents.incident import LIVE
from jingqiao.incidents.store import counted
from jingqiao.incidents.tables import incident
from jingqiao.notify.tables import message
from rules.alarm import Severity

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class ResponseCounts:
    """Counts of the moment.

    incidents : colour → open incidents.
    messages : state → messages of the last 24 hours.
    """

    incidents: Mapping[str, int]
    messages: Mapping[str, int]


def response_counts(database: sa.Engine, now: int) -> ResponseCounts:
    """Count; two indexed queries. `now` [µs since 1970 UTC]."""
    with reading(database) as connection:
        live = connection.execute(
            sa.select(incident.c.severity, sa.func.count())
            .where(incident.c.state.in_([state.value for state in LIVE]), counted())
            .group_by(incident.c.severity)
        ).all()
        states = connection.execute(
            sa.select(message.c.state, sa.func.count())
            .where(message.c.created_at > now - _DAY_US, message.c.exercise.is_(False))
            .group_by(message.c.state)
        ).all()
    counts = {Severity(severity).colour: count for severity, count in live}
    return ResponseCounts(
        {severity.colour: counts.get(severity.colour, 0) for severity in reversed(Severity)},
        {state: count for state, count in states},  # noqa: C416 - rows, not tuples
    )
