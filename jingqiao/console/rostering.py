"""Changes of the roster by console and API: who may, done with its row, audited, and held at once."""

from __future__ import annotations

from collections.abc import Sequence

from jingqiao.accounts import audit
from jingqiao.accounts.role import Role
from jingqiao.console.parts import Parts
from jingqiao.console.visitor import ForbiddenError, Visitor
from jingqiao.database import writing
from jingqiao.roster.overrides import add_override, withdraw


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
        audit.note(
            connection,
            at=parts.door_clock.now(),
            who=visitor.name,
            action="roster.override",
            subject=f"override:{number}",
            address=visitor.address,
            details={"team": team, "people": list(people)},
        )
    parts.roster_changed()
    return number


def withdraw_for(parts: Parts, visitor: Visitor, number: int, why: str = "") -> bool:
    """Take a change back; False where none of that number holds. Raises ForbiddenError."""
    _may(visitor)
    with writing(parts.database) as connection:
        done = withdraw(connection, number, who=visitor.who, why=why.strip(), now=parts.clock.now())
        if done:
            audit.note(
                connection,
                at=parts.door_clock.now(),
                who=visitor.name,
                action="roster.withdraw",
                subject=f"override:{number}",
                address=visitor.address,
            )
    parts.roster_changed()
    return done


def _may(visitor: Visitor) -> None:
    if not visitor.may(Role.SUPERVISOR):
        raise ForbiddenError("role", role=Role.SUPERVISOR.value)
