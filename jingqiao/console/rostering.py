"""Changes of the roster by console and API: who may, done with its row, audited, and held at once."""

from __future__ import annotations

from collections.abc import Sequence

from jingqiao.accounts.role import Role
from jingqiao.console.parts import Parts
from jingqiao.console.visitor import ForbiddenError, Visitor, audited
from jingqiao.database import writing
from jingqiao.roster.overrides import add_override, swap, withdraw


def override_for(
    parts: Parts,
    visitor: Visitor,
    *,
    team: str,
    from_at: int,
    until_at: int,
    people: Sequence[str],
    instead_of: str | None = None,
    extra: bool = False,
    why: str = "",
) -> int:
    """Put people on duty for a time; gives the change's number. Raises OverrideError and ForbiddenError."""
    _may(visitor)
    now = parts.clock.now()
    with writing(parts.database) as connection:
        number = add_override(
            connection,
            parts.roster(),
            team=team,
            from_at=from_at,
            until_at=until_at,
            people=people,
            instead_of=instead_of,
            extra=extra,
            who=visitor.who,
            why=why.strip(),
            now=now,
        )
        audited(parts, visitor, "roster.override", "override:", team=team, people=list(people))(
            connection, number
        )
    parts.roster_changed()
    return number


def swap_for(
    parts: Parts,
    visitor: Visitor,
    *,
    team: str,
    one: str,
    other: str,
    first: tuple[int, int],
    back: tuple[int, int] | None = None,
    why: str = "",
) -> list[int]:
    """Two people change their duties with each other: both ways at once, or neither.

    first, back : [from, until) [µs since 1970 UTC]. Gives the changes' numbers. Raises OverrideError and
    ForbiddenError.
    """
    _may(visitor)
    with writing(parts.database) as connection:
        numbers = swap(
            connection,
            parts.roster(),
            team=team,
            one=one,
            other=other,
            first=first,
            back=back,
            who=visitor.who,
            why=why.strip(),
            now=parts.clock.now(),
        )
        write = audited(parts, visitor, "roster.swap", "override:", team=team, people=[one, other])
        for number in numbers:
            write(connection, number)
    parts.roster_changed()
    return numbers


def withdraw_for(parts: Parts, visitor: Visitor, number: int, why: str = "") -> bool:
    """Take a change back; False where none of that number holds. Raises ForbiddenError."""
    _may(visitor)
    with writing(parts.database) as connection:
        done = withdraw(connection, number, who=visitor.who, why=why.strip(), now=parts.clock.now())
        if done:
            audited(parts, visitor, "roster.withdraw", "override:")(connection, number)
    parts.roster_changed()
    return done


def _may(visitor: Visitor) -> None:
    if not visitor.may(Role.SUPERVISOR):
        raise ForbiddenError("role", role=Role.SUPERVISOR.value)
