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


def limits_anew(now: int) -> dict[str, Any]:
    """What changes when the limits of an incident's stages begin to count again at `now` [µs]."""
    return {
        "limits_from": now,
        "next_urge_at": now,
        "urged": (),
        "answered_by": (),
        "dispatched_at": None,
        "on_site_at": None,
        "resolved_at": None,
    }


def possible(state: State) -> tuple[Action, ...]:
    """What can be done in a state."""
    return tuple(action for action, (allowed, _) in _STEPS.items() if state in allowed)


AREA: Final = "area:"
"""How the subject of an area incident begins."""

_SEVERITIES: Final = ("answered_severity", "judged_severity", "judged_over")


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
    answered_by : tuple[str, ...]  Who answered this asking, where one answer is not enough.
    dispatched_at, on_site_at, resolved_at : int | None  When these stages were first reached [µs].
    limits_from : int | None  Since when the limits of its stages count [µs]: opening, reopening, rise.
    next_urge_at : int | None  When its deadlines are to be looked at next [µs]; None = none ahead.
    urged : tuple[str, ...]  Stages that were urged since `limits_from`.
    judged_severity : Severity | None  What a person said, in place of the engine.
    judged_over : Severity | None  What the engine said then; only something graver ends the judgement.
    parent_id : int | None  The area incident that it is a member of.
    kept_apart : bool  A person took it out of an area: no area takes it by itself.
    exercise : bool  Part of a drill: told with 演练, in no statistics.
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
    answered_by: tuple[str, ...] = ()
    dispatched_at: int | None = None
    on_site_at: int | None = None
    resolved_at: int | None = None
    limits_from: int | None = None
    next_urge_at: int | None = None
    urged: tuple[str, ...] = ()
    judged_severity: Severity | None = None
    judged_over: Severity | None = None
    parent_id: int | None = None
    kept_apart: bool = False
    exercise: bool = False

    @property
    def place_id(self) -> str:
        """Number of the asset by which it is decided who answers; of a drill, the asset that it is about."""
        return str(self.evidence.get("asset_id") or "") if self.exercise else self.asset_id

    @property
    def is_area(self) -> bool:
        """Whether it stands for many: it has members and no alarm of its own."""
        return self.subject.startswith(AREA)


FIELDS: Final = tuple(field.name for field in fields(Incident))


def from_row(row: Mapping[str, Any]) -> Incident:
    """An incident from a row of the table."""
    values = {name: row[name] for name in FIELDS}
    values["hazard"] = Hazard(values["hazard"])
    values["severity"] = Severity(values["severity"])
    values["state"] = State(values["state"])
    for name in _SEVERITIES:
        if values[name] is not None:
            values[name] = Severity(values[name])
    for name in ("sensor_ids", "answered_by", "urged"):
        values[name] = tuple(values[name])
    return Incident(**values)


UNREAD: Final[Mapping[str, Any]] = MappingProxyType(
    {"reason_values": {}, "evidence": {}, "sensor_ids": (), "answered_by": (), "urged": ()}
)
"""Fields that are JSON in the table, as an incident has them that was read without them."""


def to_row(incident: Incident) -> dict[str, Any]:
    """The row of an incident, its id left out."""
    row = {name: getattr(incident, name) for name in FIELDS if name != "id"}
    row["hazard"] = incident.hazard.value
    row["severity"] = int(incident.severity)
    row["state"] = incident.state.value
    for name in _SEVERITIES:
        row[name] = None if row[name] is None else int(row[name])
    for name in ("sensor_ids", "answered_by", "urged"):
        row[name] = list(row[name])
    row["reason_values"] = dict(incident.reason_values)
    row["evidence"] = dict(incident.evidence)
    return row
