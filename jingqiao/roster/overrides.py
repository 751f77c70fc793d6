"""Changes of the roster beside its file: swaps, overrides, extra shifts, as rows with who and why.

The file stays the base. `with_overrides` lays the rows on it; commands and console add and withdraw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog

from config.roster import Override, Roster
from jingqiao.roster.duty import pieces
from jingqiao.roster.tables import roster_override

_log = structlog.get_logger()


class KeptOverride(Override):
    """An override that a row says. row : int  Its number. who : str  Who made it."""

    row: int
    who: str


class OverrideError(ValueError):
    """It cannot be made. key : sentence under `roster.refused`; values : what it needs."""

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.values = values
        super().__init__(f"{key} {values}")


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """One change as it is kept. Times [µs since 1970 UTC]; `withdrawn_at` None = it holds."""

    id: int
    team: str
    from_at: int
    until_at: int
    people: tuple[str, ...]
    instead_of: str | None
    extra: bool
    deputy: str | None
    leader: str | None
    who: str
    why: str
    created_at: int
    withdrawn_at: int | None
    withdrawn_by: str | None
    withdrawn_why: str | None


def add_override(
    connection: sa.Connection,
    roster: Roster,
    *,
    team: str,
    from_at: int,
    until_at: int,
    who: str,
    why: str,
    now: int,
    people: Sequence[str] = (),
    instead_of: str | None = None,
    extra: bool = False,
    deputy: str | None = None,
    leader: str | None = None,
) -> int:
    """Put people on duty for a time; gives the row's number.

    people : in place of everybody; of `instead_of` alone, where it is named; beside them, with `extra`.
    Raises OverrideError for what the roster does not know, and for times that are over or turned round.
    """
    if team not in {own.id for own in roster.teams}:
        raise OverrideError("team", team=team, known=", ".join(own.id for own in roster.teams))
    for person in (*people, instead_of, deputy, leader):
        if person is not None and person not in roster.people:
            raise OverrideError("person", person=person, known=", ".join(roster.people))
    if instead_of is not None and instead_of in people:
        raise OverrideError("same", person=roster.people[instead_of].name)
    if until_at <= from_at:
        raise OverrideError("backwards")
    if until_at <= now:
        raise OverrideError("over")
    if not (people or deputy or leader) or ((extra or instead_of) and not people):
        raise OverrideError("nobody")
    if extra and instead_of:
        raise OverrideError("both")
    if instead_of is not None and not _ever_on(roster, team, instead_of, from_at, until_at):
        raise OverrideError("not_on", person=roster.people[instead_of].name)
    query = sa.insert(roster_override).values(
        team=team,
        from_at=from_at,
        until_at=until_at,
        people=list(dict.fromkeys(people)),
        instead_of=instead_of,
        extra=extra,
        deputy=deputy,
        leader=leader,
        who=who,
        why=why,
        created_at=now,
    )
    return int(connection.execute(query.returning(roster_override.c.id)).scalar_one())


def swap(
    connection: sa.Connection,
    roster: Roster,
    *,
    team: str,
    one: str,
    other: str,
    first: tuple[int, int],
    back: tuple[int, int] | None = None,
    who: str,
    why: str,
    now: int,
) -> list[int]:
    """`other` has the duty of `one` in the first time [from, until), and `one` that of `other` in the second.

    Gives the rows' numbers. Raises OverrideError, also where a person has no duty in their time.
    """
    turns = [(one, other, first)] + ([(other, one, back)] if back is not None else [])
    return [
        add_override(
            connection,
            roster,
            team=team,
            from_at=start,
            until_at=end,
            people=(takes,),
            instead_of=gives,
            who=who,
            why=why,
            now=now,
        )
        for gives, takes, (start, end) in turns
    ]


def withdraw(connection: sa.Connection, number: int, *, who: str, why: str, now: int) -> bool:
    """Take a change back; False where there is none of that number that still holds."""
    query = (
        sa.update(roster_override)
        .where(
            roster_override.c.id == number,
            roster_override.c.withdrawn_at.is_(None),
            roster_override.c.until_at > now,
        )
        .values(withdrawn_at=now, withdrawn_by=who, withdrawn_why=why)
    )
    return connection.execute(query).rowcount == 1


def overrides(connection: sa.Connection, now: int | None = None) -> list[OverrideRow]:
    """Changes that hold now or later, in the order in which they were made; all that ever were where None."""
    query = sa.select(roster_override).order_by(roster_override.c.id)
    if now is not None:
        query = query.where(roster_override.c.withdrawn_at.is_(None), roster_override.c.until_at > now)
    return [
        OverrideRow(**{**row, "people": tuple(row["people"])}) for row in connection.execute(query).mappings()
    ]


def with_overrides(roster: Roster, rows: Sequence[OverrideRow]) -> Roster:
    """The roster with the changes laid on it, the latest on top.

    A change that names a team or a person whom the file does not know any more is left out, aloud.
    """
    teams = {team.id for team in roster.teams}
    kept = []
    for row in rows:
        named = (*row.people, row.instead_of, row.deputy, row.leader)
        strangers = [p for p in named if p is not None and p not in roster.people]
        if strangers or row.team not in teams:
            _log.error(
                "a change of the roster names whom its file does not know; it does not hold",
                override=row.id,
                team=row.team,
                people=strangers,
            )
            continue
        kept.append(
            KeptOverride.model_validate(
                {
                    "team": row.team,
                    "from": datetime.fromtimestamp(row.from_at / 1_000_000, UTC),
                    "to": datetime.fromtimestamp(row.until_at / 1_000_000, UTC),
                    "people": row.people,
                    "instead_of": row.instead_of,
                    "extra": row.extra,
                    "deputy": row.deputy,
                    "leader": row.leader,
                    "note": row.why,
                    "row": row.id,
                    "who": row.who,
                }
            )
        )
    return roster.model_copy(update={"overrides": (*roster.overrides, *kept)}) if kept else roster


def _ever_on(roster: Roster, team_id: str, person: str, start: int, end: int) -> bool:
    team = next(team for team in roster.teams if team.id == team_id)
    return any(person in duty.people for _, duty in pieces(roster, team, start, end))
