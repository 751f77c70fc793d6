"""What happened to an incident, as those hear it who tell people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import sqlalchemy as sa

from jingqiao.incidents.incident import Incident
from rules.alarm import Severity


class Event(StrEnum):
    """Kinds of rows in `incident_transition`."""

    OPENED = "opened"
    REOPENED = "reopened"
    RAISED = "raised"
    LOWERED = "lowered"
    REFIRED = "refired"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    ON_SITE = "on_site"
    RESOLVED = "resolved"
    CLOSED = "closed"
    FALSE_ALARM = "false_alarm"
    COMMENT = "comment"
    ESCALATED = "escalated"
    UNREACHABLE = "unreachable"
    URGED = "urged"
    PHOTO = "photo"
    MERGED = "merged"
    SPLIT = "split"
    DRILL_ENDED = "drill_ended"


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One thing that happened.

    incident : Incident  As it is after the event.
    before : Severity  Severity before it.
    who, why : str  Person (or `SYSTEM`) and reason.
    reference : str | None  Where a photo lies.
    quiet : bool  Part of something that is told as a whole (an area): no message of its own.
    """

    event: Event
    incident: Incident
    before: Severity
    who: str
    why: str = ""
    reference: str | None = None
    quiet: bool = False


class Announcer(Protocol):
    """Writes messages to people into the same transaction."""

    def announce(self, connection: sa.Connection, events: Sequence[IncidentEvent], now: int) -> None:
        """Put what people must hear of these events into the outbox."""
        ...

    def escalate(self, connection: sa.Connection, now: int) -> None:
        """Put every step that is due by now into the outbox; the first step is due at the opening."""
        ...

    def enough(self, incident: Incident, answered_by: Sequence[str]) -> bool:
        """Whether these people's answers are all that its severity needs."""
        ...
