"""What people do with incidents by console and API: who may do which act, done at the desk, audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jingqiao.accounts.role import Role
from jingqiao.console.parts import Parts
from jingqiao.console.visitor import ForbiddenError, Visitor, audited
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
    return act(
        parts.database,
        incident_id,
        action,
        why=why.strip(),
        assignee=assignee.strip() or None,
        **_told(parts, visitor, f"incident.{action.value}", assignee=assignee),
    )


def grade_for(parts: Parts, visitor: Visitor, incident_id: int, severity: Severity, why: str) -> Incident:
    """Set the severity. Raises as `incidents.grading.grade`, and ForbiddenError."""
    _may(visitor, Role.SUPERVISOR)
    told = _told(parts, visitor, "incident.severity", severity=severity.colour)
    return grade(parts.database, incident_id, severity, why=why.strip(), **told)


def merge_for(
    parts: Parts, visitor: Visitor, ids: Sequence[int], *, into: int | None = None, why: str = ""
) -> Incident:
    """Merge into an area (None = a new one). Raises as `incidents.merging.merge`, and ForbiddenError."""
    _may(visitor, Role.SUPERVISOR)
    told = _told(parts, visitor, "incident.merge", members=list(ids))
    return merge(parts.database, ids, into=into, why=why.strip(), **told)


def split_for(parts: Parts, visitor: Visitor, incident_id: int, why: str = "") -> Incident:
    """Take an incident out of its area. Raises as `incidents.merging.split`, and ForbiddenError."""
    _may(visitor, Role.SUPERVISOR)
    told = _told(parts, visitor, "incident.split")
    return split(parts.database, incident_id, why=why.strip(), **told)


def photo_for(parts: Parts, visitor: Visitor, incident_id: int, reference: str, why: str = "") -> Incident:
    """Note where a photo lies. Raises as `incidents.desk.add_photo`, and ForbiddenError."""
    _may(visitor, Role.DUTY)
    return add_photo(
        parts.database,
        incident_id,
        reference,
        who=visitor.who,
        now=parts.clock.now(),
        why=why.strip(),
        beside=audited(parts, visitor, "incident.photo", "incident:", reference=reference),
    )


def _may(visitor: Visitor, role: Role) -> None:
    if not visitor.may(role):
        raise ForbiddenError("role", role=role.value)


def _told(parts: Parts, visitor: Visitor, action: str, **details: object) -> dict[str, Any]:
    """Who does it and when, who hears of it, and its row of the audit log."""
    return {
        "who": visitor.who,
        "now": parts.clock.now(),
        "announcer": parts.announcer,
        "on_commit": parts.wake,
        "beside": audited(parts, visitor, action, "incident:", **details),
    }
