"""The whole story of one incident: what happened, what people did, who was told and what became of that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from config.messages import Language, text
from config.roster import Roster
from jingqiao.console.board import Card, cards_of, person_name
from jingqiao.incidents.areas import listed_areas
from jingqiao.incidents.deadlines import Deadline, deadlines_by
from jingqiao.incidents.evidence_view import told_evidence
from jingqiao.incidents.incident import SYSTEM, Action, Incident, possible
from jingqiao.incidents.search import Wanted, search
from jingqiao.incidents.store import find, members_of, transitions_of
from jingqiao.notify.mailbox import Letter, letters
from jingqiao.notify.text import map_link, quantity

EARLIER: Final = 10
"""Earlier incidents of the same place that are shown."""
MEMBERS: Final = 200
"""Members of an area that are shown, the gravest."""
MESSAGES: Final = 200
"""Messages that are shown, the newest."""
_STEP: Final = re.compile(r"step (?P<number>\d+): (?P<whom>.+)")
_URGED: Final = re.compile(r"(?P<stage>answered|dispatched|on_site|repaired|closed): (?P<whom>.+)")
_ROLES: Final = {word: f"console.incident.whom_{word}" for word in ("duty", "deputy", "leader", "fallback")}
_NOTES: Final = {
    "nobody is on duty": "console.incident.nobody_on_duty",
    "channels failed": "console.incident.channels_failed",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the history. who : a name; "" = the system itself. reference : where a photo lies."""

    at: int
    event: str
    to_state: str
    who: str
    why: str
    reference: str


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the page shows.

    value, limit : with their unit; "" = none.
    evidence : (name, value) of the facts behind the alarm.
    deadlines : the limits of its stages, reached or not.
    members : of an area. areas : live area incidents that it could be put into.
    earlier : other incidents of the same place, the latest first.
    """

    card: Card
    value: str
    limit: str
    map: str
    evidence: Sequence[tuple[str, str]]
    deadlines: Sequence[Deadline]
    members: Sequence[Card]
    areas: Sequence[Incident]
    steps: Sequence[Step]
    messages: Sequence[Letter]
    earlier: Sequence[Incident]
    actions: tuple[Action, ...]


def story_of(
    connection: sa.Connection, incident_id: int, roster: Roster, language: Language, now: int
) -> Story | None:
    """The story of a moment; None where there is no such incident."""
    incident = find(connection, incident_id)
    if incident is None:
        return None
    earlier = search(connection, Wanted(states=None, subject=incident.subject), EARLIER + 1).incidents
    located = incident.lon is not None and incident.lat is not None
    return Story(
        card=cards_of(connection, [incident], roster, language, now)[0],
        value="" if incident.value is None else quantity(incident.value, incident.unit),
        limit="" if incident.limit is None else quantity(incident.limit, incident.unit),
        map=map_link(incident.lon or 0, incident.lat or 0, incident.name or incident.asset_id)
        if located
        else "",
        evidence=told_evidence(incident.evidence, language),
        deadlines=deadlines_by(roster)(incident),
        members=cards_of(connection, members_of(connection, incident.id)[:MEMBERS], roster, language, now)
        if incident.is_area
        else (),
        areas=[] if incident.is_area or incident.exercise else listed_areas(connection),
        steps=[_step(row, roster, language) for row in transitions_of(connection, incident_id)],
        messages=letters(connection, MESSAGES, incident_id=incident_id),
        earlier=[item for item in earlier if item.id != incident_id][:EARLIER],
        actions=possible(incident.state),
    )


def _step(row: Mapping[str, Any], roster: Roster, language: Language) -> Step:
    reference = row.get("reference") or ""
    if row["who"] == SYSTEM:
        why = told_note(row["why"], roster, language)
        return Step(row["at"], row["event"], row["to_state"], "", why, reference)
    who = person_name(roster, row["who"])
    return Step(row["at"], row["event"], row["to_state"], who, row["why"], reference)


def told_note(note: str, roster: Roster, language: Language) -> str:
    """What the service itself noted, which is kept in English, for people; anything else as it is."""
    if note in _NOTES:
        return text(_NOTES[note], language)
    found = _STEP.fullmatch(note)
    if found is not None:
        head = text("console.incident.step", language, number=found["number"])
    elif (found := _URGED.fullmatch(note)) is not None:
        head = text(f"incidents.stage.{found['stage']}", language)
    else:
        return note
    whom = [_ROLES.get(word.strip(), "") for word in found["whom"].split(",")]
    names = (
        text(key, language) if key else person_name(roster, word.strip())
        for key, word in zip(whom, found["whom"].split(","), strict=True)
    )
    return f"{head}{'：' if language == 'zh' else ': '}{('、' if language == 'zh' else ', ').join(names)}"
