"""The board of live incidents: a section a severity, a card an incident. What Now and API show.

Counts are of all, cards of the most pressing: unanswered first, then the oldest. Ten thousand open incidents
after a storm make the same small page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from config.messages import Language
from config.roster import Roster
from jingqiao.incidents.incident import LIVE, Action, Incident, State, from_row, possible
from jingqiao.incidents.search import PRESSING
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.incidents.view import reason_text
from jingqiao.notify.outbox import told
from jingqiao.notify.silences import Mutes, mutes_at
from jingqiao.notify.standing import name_of
from jingqiao.notify.tables import message
from jingqiao.notify.text import place
from rules.alarm import Hazard, Severity

CARDS: Final = 24
"""Cards of one severity on the board."""
QUICK: Final[Mapping[State, tuple[Action, ...]]] = {
    State.OPEN: (Action.ACK, Action.ASSIGN),
    State.ACKNOWLEDGED: (Action.ASSIGN, Action.ON_SITE),
    State.DISPATCHED: (Action.ON_SITE, Action.ASSIGN),
    State.ON_SITE: (Action.RESOLVE,),
}
"""What usually comes next, by state."""
_LIVE_VALUES: Final = [state.value for state in LIVE]


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
    actions : what its state allows; quick : what usually comes next, the first of them first.
    """

    incident: Incident
    place: str
    reason: str
    holder: str
    told: tuple[str, ...]
    mute: Mute | None
    mutes: int
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

    newest : int  Greatest id: a console knows by it what it has announced.
    """

    sections: tuple[Section, ...]
    newest: int

    @property
    def total(self) -> int:
        """Live incidents."""
        return sum(section.total for section in self.sections)

    @property
    def unanswered(self) -> int:
        """Those that nobody has taken."""
        return sum(section.unanswered for section in self.sections)


def board(connection: sa.Connection, roster: Roster, language: Language, now: int) -> Board:
    """The board of a moment; `now` [µs since 1970 UTC]."""
    counts = _counts(connection)
    shown = [item for severity in Severity for item in _pressing(connection, severity, CARDS)]
    cards = cards_of(connection, shown, roster, language, now)
    sections = tuple(
        Section(
            severity,
            tuple(
                Group(hazard, *counts[severity, hazard]) for hazard in Hazard if (severity, hazard) in counts
            ),
            tuple(card for card in cards if card.incident.severity is severity),
        )
        for severity in reversed(Severity)
    )
    newest = connection.execute(sa.select(sa.func.max(incident_table.c.id))).scalar() or 0
    return Board(sections, newest)


def cards_of(
    connection: sa.Connection, incidents: Sequence[Incident], roster: Roster, language: Language, now: int
) -> list[Card]:
    """Cards of some incidents, in their order."""
    ids = [item.id for item in incidents]
    people = told(connection, [item.id for item in incidents if item.state is State.OPEN])
    mutes = mutes_at(connection, now)
    explains = _explains(connection, ids)
    return [
        Card(
            incident=item,
            place=place(item, language),
            reason=reason_text(item, language),
            holder=person_name(roster, item.assignee or item.acknowledged_by),
            told=tuple(person_name(roster, person) for person in people.get(item.id, [])),
            mute=_mute(mutes, item, now),
            mutes=explains.get(item.id, 0),
            actions=possible(item.state),
            quick=QUICK.get(item.state, ()),
        )
        for item in incidents
    ]


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
        .where(table.c.state.in_(_LIVE_VALUES))
        .group_by(table.c.severity, table.c.hazard)
    )
    return {
        (Severity(severity), Hazard(hazard)): (live, unanswered)
        for severity, hazard, live, unanswered in connection.execute(query)
    }


def _pressing(connection: sa.Connection, severity: Severity, limit: int) -> list[Incident]:
    table = incident_table
    query = (
        sa.select(table)
        .where(table.c.state.in_(_LIVE_VALUES), table.c.severity == int(severity))
        .order_by(PRESSING, table.c.opened_at, table.c.id)
        .limit(limit)
    )
    return [from_row(dict(row)) for row in connection.execute(query).mappings()]


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
