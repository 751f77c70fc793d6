"""What people do with incidents by console and API: who may do which act, done at the desk, audited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jingqiao.accounts import audit
from jingqiao.accounts.role import Role
from jingqiao.console.parts import Parts
from jingqiao.console.visitor import ForbiddenError, Visitor
from jingqiao.database import writing
from jingqiao.incidents.desk import act
from jingqiao.incidents.incident import Action, Incident

NEEDS: Final[Mapping[Action, Role]] = {
    Action.CLOSE: Role.SUPERVISOR,
    Action.REOPEN: Role.SUPERVISOR,
}
"""Acts that judge the work of others; all others are a duty officer's."""


def role_for(action: Action) -> Role:
    """The least role that may do an act."""
    return NEEDS.get(action, Role.DUTY)


def act_for(
    parts: Parts, visitor: Visitor, incident_id: int, action: Action, *, assignee: str = "", why: str = ""
) -> Incident:
    """Do it in the visitor's name. Raises ForbiddenError, UnknownIncidentError, NotPossibleError."""
    needed = role_for(action)
    if not visitor.may(needed):
        raise ForbiddenError("role", role=needed.value)
    done = act(
        parts.database,
        incident_id,
        action,
        who=visitor.who,
        now=parts.clock.now(),
        why=why.strip(),
        assignee=assignee.strip() or None,
        announcer=parts.announcer,
        on_commit=parts.wake,
    )
    details = {"assignee": assignee} if assignee else {}
    with writing(parts.database) as connection:
        audit.note(
            connection,
            at=parts.door_clock.now(),
            who=visitor.name,
            action=f"incident.{action.value}",
            subject=f"incident:{incident_id}",
            address=visitor.address,
            details=details,
        )
    return done
