"""What people do with incidents by console and API: who may do which act, done at the desk, audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jingqiao.accounts import audit
from jingqiao.accounts.role import Role
from jingqiao.console.parts import Parts
from jingqiao.console.visitor import ForbiddenError, Visitor
from jingqiao.database import writing
from jingqiao.incidents.desk import act, add_photo
from jingqiao.incidents.grading import grade
from jingqiao.incidents.incident import Action, Incident
from jingqiao.incidents.merging import merge, split
from rules.alarm import Severity

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
    _may(visitor, role_for(action))
    done = act(
        parts.database,
        incident_id,
        action,
        why=why.strip(),
        assignee=assignee.strip() or None,
        **_told(parts, visitor),
    )
    _note(parts, visitor, f"incident.{action.value}", incident_id, assignee=assignee)
    return done


def grade_for(parts: Parts, visitor: Visitor, incident_id: int, severity: Severity, why: str) -> Incident:
    """Set the severity. Raises as `incidents.grading.grade`, and ForbiddenError."""
    _may(visitor, Role.SUPERVISOR)
    done = grade(parts.database, incident_id, severity, why=why.strip(), **_told(parts, visitor))
    _note(parts, visitor, "incident.severity", incident_id, severity=severity.colour)
    return done


def merge_for(
    parts: Parts, visitor: Visitor, ids: Sequence[int], *, into: int | None = None, why: str = ""
) -> Incident:
    """Merge into an area (None = a new one). Raises as `incidents.merging.merge`, and ForbiddenError."""
    _may(visitor, Role.SUPERVISOR)
    area = merge(parts.database, ids, into=into, why=why.strip(), **_told(parts, visitor))
    _note(parts, visitor, "incident.merge", area.id, members=list(ids))
    return area


def split_for(parts: Parts, visitor: Visitor, incident_id: int, why: str = "") -> Incident:
    """Take an incident out of its area. Raises as `incidents.merging.split`, and ForbiddenError."""
    _may(visitor, Role.SUPERVISOR)
    alone = split(parts.database, incident_id, why=why.strip(), **_told(parts, visitor))
    _note(parts, visitor, "incident.split", incident_id)
    return alone


def photo_for(parts: Parts, visitor: Visitor, incident_id: int, reference: str, why: str = "") -> Incident:
    """Note where a photo lies. Raises as `incidents.desk.add_photo`, and ForbiddenError."""
    _may(visitor, Role.DUTY)
    done = add_photo(
        parts.database, incident_id, reference, who=visitor.who, now=parts.clock.now(), why=why.strip()
    )
    _note(parts, visitor, "incident.photo", incident_id, reference=reference)
    return done


def _may(visitor: Visitor, role: Role) -> None:
    if not visitor.may(role):
        raise ForbiddenError("role", role=role.value)


def _told(parts: Parts, visitor: Visitor) -> dict[str, Any]:
    """Who does it and when, and who hears of it."""
    return {
        "who": visitor.who,
        "now": parts.clock.now(),
        "announcer": parts.announcer,
        "on_commit": parts.wake,
    }


def _note(parts: Parts, visitor: Visitor, action: str, incident_id: int, **details: Any) -> None:
    with writing(parts.database) as connection:
        audit.note(
            connection,
            at=parts.door_clock.now(),
            who=visitor.name,
            action=action,
            subject=f"incident:{incident_id}",
            address=visitor.address,
            details={key: value for key, value in details.items() if value},
        )
