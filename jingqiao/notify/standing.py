"""Where an asking stands: who answered, who promised, and whether people still have to be asked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from config.messages import Language, text
from config.roster import Roster
from jingqiao.incidents.incident import LIVE, Incident, State

PROMISED: Final = frozenset({State.ACKNOWLEDGED, State.DISPATCHED})
"""States in which somebody said that they have it, and nobody is on site yet."""


def promised(incident: Incident) -> bool:
    """Whether somebody answered and nobody came."""
    return incident.state in PROMISED and incident.unanswered_since is None


def stalled(incident: Incident) -> bool:
    """Whether people are asked anew because nobody came, not because it grew worse."""
    return incident.state in PROMISED and incident.answered_severity is None and not incident.answered_by


def waits(incident: Incident) -> bool:
    """The first step is always taken, though the alarm cleared meanwhile; then a clear alarm wakes nobody."""
    wanted = incident.alarm_firing or incident.step == 0
    return incident.state in LIVE and wanted and incident.unanswered_since is not None


def is_promiser(roster: Roster, person: str, incident: Incident) -> bool:
    """Whether a person said that they have it."""
    return incident.state in PROMISED and (
        is_person(roster, person, incident.acknowledged_by) or is_person(roster, person, incident.assignee)
    )


def is_person(roster: Roster, person: str, who: str | None) -> bool:
    """Whether `who`, an id or a name as people type it, is this person."""
    return who is not None and who in (person, roster.people[person].name if person in roster.people else "")


def has_answered(roster: Roster, person: str, incident: Incident) -> bool:
    """Whether this person answered this asking already, where it needs more answers than one."""
    return any(is_person(roster, person, who) for who in incident.answered_by)


def enough(roster: Roster, incident: Incident, answered_by: Sequence[str]) -> bool:
    """Whether so many different people answered as the severity needs; a person's name and id are one."""
    ids = {next((p for p in roster.people if is_person(roster, p, who)), who) for who in answered_by}
    return len(ids) >= roster.policy(incident.severity.colour).answers


def name_of(roster: Roster, who: str) -> str:
    """What a person is called; whoever is not in the roster, as they were written."""
    return roster.people[who].name if who in roster.people else who


def state_name(incident: Incident, language: Language) -> str:
    """The incident's state in words."""
    return text(f"notify.state.{incident.state}", language)
