"""What an incident is, which steps its life allows, and which hazards heal themselves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from rules.alarm import Hazard, Severity

SYSTEM: Final = "jingqiao"
"""`who` of what no person did."""


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    ON_SITE = "on_site"
    RESOLVED = "resolved"
    CLOSED = "closed"
    FALSE_ALARM = "false_alarm"


LIVE: Final = frozenset({State.OPEN, State.ACKNOWLEDGED, State.DISPATCHED, State.ON_SITE})
"""States in which people still have work; at most one such incident per (subject, hazard)."""


class Action(StrEnum):
    """What a person can do with an incident; the names are those of the commands."""

    ACK = "ack"
    ASSIGN = "assign"
    ON_SITE = "on-site"
    RESOLVE = "resolve"
    CLOSE = "close"
    FALSE_ALARM = "false-alarm"
    REOPEN = "reopen"
    COMMENT = "comment"


_FINISHED: Final = frozenset({State.RESOLVED, State.CLOSED, State.FALSE_ALARM})

_STEPS: Final[Mapping[Action, tuple[frozenset[State], State | None]]] = MappingProxyType(
    {
        Action.ACK: (LIVE, State.ACKNOWLEDGED),
        Action.ASSIGN: (LIVE - {State.ON_SITE}, State.DISPATCHED),
        Action.ON_SITE: (LIVE - {State.ON_SITE}, State.ON_SITE),
        Action.RESOLVE: (LIVE, State.RESOLVED),
        Action.CLOSE: (LIVE | {State.RESOLVED}, State.CLOSED),
        Action.FALSE_ALARM: (LIVE | {State.RESOLVED}, State.FALSE_ALARM),
        Action.REOPEN: (_FINISHED, State.OPEN),
        Action.COMMENT: (frozenset(State), None),
    }
)

SELF_HEALING: Final = frozenset({Hazard.FLOODED, Hazard.SILENT, Hazard.SENSOR_FAULT, Hazard.BATTERY_LOW})
"""Hazards whose end the sensors can prove: water falls, a sensor speaks again. A lid that reads well again
was put back by somebody, or a dog; a person has to look."""

REOPEN_WINDOW_US: Final = 2 * 3600 * 1_000_000
"""How long after its end an incident is taken up again by the same hazard rather than begun anew [µs]."""


def after(action: Action, state: State) -> State | None:
    """The state that an action leads to; None where it is not possible in this state."""
    allowed, target = _STEPS[action]
    if state not in allowed:
        return None
    if action is Action.ACK and state is not State.OPEN:
        return state  # one more person knows; the work goes on where it stands
    return state if target is None else target


def possible(state: State) -> tuple[Action, ...]:
    """What can be done in a state."""
    return tuple(action for action, (allowed, _) in _STEPS.items() if state in allowed)


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as its row says it.

    id : int  Negative until it is stored.
    subject : str  What it is about: the asset's id, or `sensor:ID`, `gateway:ID` where there is no asset.
    opened_at, changed_at, finished_at : int  By the service's clock [µs since 1970 UTC].
    event_at : int  When it began by the sensors' own time [µs].
    value, limit : float | None  Latest measured value and the limit it passed, in `unit`.
    alarm_firing : bool  What the engine says now; people may still have work when it is False.
    kind, name, district, road, lon, lat : the asset's facts when the incident was opened.
    unanswered_since : int | None  Since when an answer is awaited [µs]; None = somebody has it.
    answered_severity : Severity | None  Gravest severity that somebody answered.
    episode : int  How often it was asked anew (reopened, risen); with `step` it tells messages apart.
    step : int  Next step of the escalation policy.
    next_step_at : int | None  When that step is due [µs]; None = not waiting.
    unreachable : bool  Nobody could be told: shown loudly.
    previous_id : int | None  Finished incident of the same subject and hazard.
    """

    id: int
    subject: str
    asset_id: str
    hazard: Hazard
    severity: Severity
    state: State
    opened_at: int
    event_at: int
    changed_at: int
    value: float | None
    limit: float | None
    unit: str
    reason_key: str
    reason_values: Mapping[str, Any]
    sensor_ids: tuple[str, ...]
    provisional: bool
    evidence: Mapping[str, Any]
    alarm_firing: bool
    cleared_at: int | None
    kind: str
    name: str
    district: str
    road: str
    lon: float | None
    lat: float | None
    acknowledged_by: str | None = None
    acknowledged_at: int | None = None
    assignee: str | None = None
    finished_at: int | None = None
    unanswered_since: int | None = None
    answered_severity: Severity | None = None
    episode: int = 0
    step: int = 0
    next_step_at: int | None = None
    unreachable: bool = False
    previous_id: int | None = None


FIELDS: Final = tuple(field.name for field in fields(Incident))


def from_row(row: Mapping[str, Any]) -> Incident:
    """An incident from a row of the table."""
    values = {name: row[name] for name in FIELDS}
    values["hazard"] = Hazard(values["hazard"])
    values["severity"] = Severity(values["severity"])
    values["state"] = State(values["state"])
    if values["answered_severity"] is not None:
        values["answered_severity"] = Severity(values["answered_severity"])
    values["sensor_ids"] = tuple(values["sensor_ids"])
    return Incident(**values)


def to_row(incident: Incident) -> dict[str, Any]:
    """The row of an incident, its id left out."""
    row = {name: getattr(incident, name) for name in FIELDS if name != "id"}
    row["hazard"] = incident.hazard.value
    row["severity"] = int(incident.severity)
    row["state"] = incident.state.value
    row["answered_severity"] = None if incident.answered_severity is None else int(incident.answered_severity)
    row["sensor_ids"] = list(incident.sensor_ids)
    row["reason_values"] = dict(incident.reason_values)
    row["evidence"] = dict(incident.evidence)
    return row
