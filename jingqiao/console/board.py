"""The board of live incidents: a section a severity, a card an incident. What Now and API show.

Counts are of all, cards of the most pressing: unanswered first, then the oldest. Ten thousand open incidents
after a storm make the same small page.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from config.messages import Language
from config.roster import Roster
from jingqiao.incidents.areas import member_counts
from jingqiao.incidents.deadlines import Deadline, deadlines_by
from jingqiao.incidents.incident import Action, Incident, State, from_row, possible
from jingqiao.incidents.search import PRESSING, Wanted, conditions_of
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.incidents.view import reason_text
from jingqiao.notify.outbox import told
from jingqiao.notify.silences import Mutes, mutes_at
from jingqiao.notify.standing import name_of
from jingqiao.notify.tables import message
from jingqiao.notify.text import place
from rules.alarm import Hazard, Severity

CARDS: Final = 16
"""Cards of one severity on the board."""
KEPT_US: Final = 2_000_000
"""How long a board is kept though nothing changed: limits pass and silences end by time alone [µs]."""
QUICK: Final[Mapping[State, tuple[Action, ...]]] = {
    State.OPEN: (Action.ACK, Action.ASSIGN),
    State.ACKNOWLEDGED: (Action.ASSIGN, Action.ON_SITE),
    State.DISPATCHED: (Action.ON_SITE, Action.ASSIGN),
    State.ON_SITE: (Action.RESOLVE,),
}
"""What usually comes next, by state."""


@dataclass(frozen=True, slots=True)
class Mute:
    """Why people are not told of an incident. by : `silence` or `inhibited`; until : [µs since 1970 UTC]."""

    by: str
    id: int
    until: int


@dataclass(frozen=True, slots=True)
class Card:
    """One incident as the duty officer needs it.

    holder : name of who is on it; "" = nobody yet.
    told : names of those who were asked to answer.
    mutes : how many other incidents this one explains, and so keeps quiet.
    members : of an area.
    due : the next stage that has not been reached, with its limit; late : whether it is overdue.
    others : whether others still have to answer, too.
    actions : what its state allows; quick : what usually comes next, the first of them first.
    """

    incident: Incident
    place: str
    reason: str
    holder: str
    told: tuple[str, ...]
    mute: Mute | None
    mutes: int
    members: int
    due: Deadline | None
    late: bool
    others: bool
    actions: tuple[Action, ...]
    quick: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """How many incidents of one hazard are live in a section."""

    hazard: Hazard
    total: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Section:
    """Live incidents of one severity. groups, total : count all; cards : the most pressing."""

    severity: Severity
    groups: tuple[Group, ...]
    cards: tuple[Card, ...]

    @property
    def total(self) -> int:
        """Live incidents."""
        return sum(group.total for group in self.groups)

    @property
    def unanswered(self) -> int:
        """Those that nobody has taken."""
        return sum(group.unanswered for group in self.groups)


@dataclass(frozen=True, slots=True)
class Board:
    """All live incidents, gravest first; severities without any are there, too.

    drills : what is being exercised, in no count.
    newest : int  Greatest id: a console knows by it what it has announced.
    """

    sections: tuple[Section, ...]
    drills: tuple[Card, ...]
    newest: int

    @property
    def total(self) -> int:
        """Live incidents."""
        return sum(section.total for section in self.sections)

    @property
    def unanswered(self) -> int:
        """Those that nobody has taken."""
        return sum(section.unanswered for section in self.sections)


class Boards:
    """Keeps the last board of each language: fifty consoles that ask after one change make it once."""

    def __init__(self) -> None:
        self._kept: dict[Language, tuple[Hashable, Board]] = {}

    def get(
        self,
        seen: Hashable,
        connection: sa.Connection,
        roster: Roster,
        language: Language,
        now: int,
    ) -> Board:
        """The board of a moment. seen : what changes with the database (`Changes.seen_now`)."""
        key = (seen, now // KEPT_US)
        kept = self._kept.get(language)
        if kept is None or kept[0] != key:
            kept = (key, board(connection, roster, language, now))
            self._kept[language] = kept
        return kept[1]


def board(connection: sa.Connection, roster: Roster, language: Language, now: int) -> Board:
    """The board of a moment; `now` [µs since 1970 UTC]."""
    counts = _counts(connection)
    shown = [item for severity in Severity for item in pressing(connection, severity=severity)]
    drills = pressing(connection, exercises=True)
    cards = cards_of(connection, [*shown, *drills], roster, language, now)
    sections = tuple(
        Section(
            severity,
            tuple(
                Group(hazard, *counts[severity, hazard]) for hazard in Hazard if (severity, hazard) in counts
            ),
            tuple(c for c in cards if c.incident.severity is severity and not c.incident.exercise),
        )
        for severity in reversed(Severity)
    )
    newest = connection.execute(sa.select(sa.func.max(incident_table.c.id))).scalar() or 0
    return Board(sections, tuple(card for card in cards if card.incident.exercise), newest)


def pressing(connection: sa.Connection, **wanted: Any) -> list[Incident]:
    """The most pressing live incidents, areas in place of their members."""
    query = (
        sa.select(incident_table)
        .where(*conditions_of(Wanted(grouped=True, **wanted)))
        .order_by(PRESSING, incident_table.c.opened_at, incident_table.c.id)
        .limit(CARDS)
    )
    return [from_row(dict(row)) for row in connection.execute(query).mappings()]


def cards_of(
    connection: sa.Connection, incidents: Sequence[Incident], roster: Roster, language: Language, now: int
) -> list[Card]:
    """Cards of some incidents, in their order."""
    deadlines = deadlines_by(roster)
    ids = [item.id for item in incidents]
    people = told(connection, [item.id for item in incidents if item.state is State.OPEN])
    mutes = mutes_at(connection, now)
    explains = _explains(connection, ids)
    members = member_counts(connection, [item.id for item in incidents if item.is_area])
    ahead = {item.id: _ahead(deadlines(item)) for item in incidents}
    return [
        Card(
            incident=item,
            place=place(item, language),
            reason=reason_text(item, language),
            holder=person_name(roster, item.assignee or item.acknowledged_by),
            told=tuple(person_name(roster, person) for person in people.get(item.id, [])),
            mute=_mute(mutes, item, now),
            mutes=explains.get(item.id, 0),
            members=members.get(item.id, 0),
            due=ahead[item.id],
            late=(due := ahead[item.id]) is not None and due.overdue(now),
            others=item.state is not State.OPEN and item.unanswered_since is not None,
            actions=possible(item.state),
            quick=QUICK.get(item.state, ()),
        )
        for item in incidents
    ]


def _ahead(deadlines: Sequence[Deadline]) -> Deadline | None:
    """The earliest limit of a stage that is not reached."""
    return min((d for d in deadlines if d.met_at is None), key=lambda d: d.due_at, default=None)


def person_name(roster: Roster, person: str | None) -> str:
    """How a person is called; "" for nobody."""
    return name_of(roster, person) if person else ""


def _counts(connection: sa.Connection) -> Mapping[tuple[Severity, Hazard], tuple[int, int]]:
    """(severity, hazard) → (live, unanswered)."""
    table = incident_table
    query = (
        sa.select(
            table.c.severity,
            table.c.hazard,
            sa.func.count(),
            sa.func.sum(sa.case((table.c.state == State.OPEN.value, 1), else_=0)),
        )
        .where(*conditions_of(Wanted(grouped=True)))
        .group_by(table.c.severity, table.c.hazard)
    )
    return {
        (Severity(severity), Hazard(hazard)): (live, unanswered)
        for severity, hazard, live, unanswered in connection.execute(query)
    }


def _mute(mutes: Mutes, item: Incident, now: int) -> Mute | None:
    found = mutes.of(item, now)
    if found is None:
        return None
    by, _, number = found[0].partition(":")
    return Mute(by, int(number), found[1])


def _explains(connection: sa.Connection, ids: Sequence[int]) -> Mapping[int, int]:
    """Incident id → incidents whose messages it keeps back."""
    if not ids:
        return {}
    query = (
        sa.select(message.c.held, sa.func.count(sa.distinct(message.c.incident_id)))
        .where(message.c.state == "held", message.c.held.in_([f"inhibited:{id_}" for id_ in ids]))
        .group_by(message.c.held)
    )
    return {int(held.partition(":")[2]): count for held, count in connection.execute(query)}
