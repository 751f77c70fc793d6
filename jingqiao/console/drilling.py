"""Drills by console and API: a supervisor's, in the visitor's name, audited."""

from __future__ import annotations

from jingqiao.accounts.role import Role
from jingqiao.console.parts import Parts
from jingqiao.console.visitor import ForbiddenError, Visitor, audited
from jingqiao.database import reading
from jingqiao.drills.drill import Drill, end_drill, start_drill
from jingqiao.drills.target import asset_target, team_target
from rules.alarm import Hazard, Severity


def start_for(
    parts: Parts,
    visitor: Visitor,
    *,
    asset: str = "",
    team: str = "",
    hazard: Hazard = Hazard.MISSING,
    severity: Severity = Severity.RED,
    minutes: float = 60,
    why: str = "",
) -> Drill:
    """Begin a drill at an asset (its number, or words of it), or for a team where no asset is named.

    Raises ForbiddenError, TargetError, DrillError.
    """
    _may(visitor)
    with reading(parts.database) as connection:
        target = asset_target(connection, asset) if asset.strip() else team_target(parts.roster(), team)
    return start_drill(
        parts.database,
        target,
        who=visitor.who,
        why=why.strip(),
        now=parts.clock.now(),
        lasts_us=round(minutes * 60_000_000),
        announcer=parts.announcer,
        hazard=hazard,
        severity=severity,
        on_commit=parts.wake,
        beside=audited(parts, visitor, "drill.start", "drill:"),
    )


def end_for(parts: Parts, visitor: Visitor, drill_id: int) -> Drill:
    """End a drill. Raises ForbiddenError and DrillError."""
    _may(visitor)
    return end_drill(
        parts.database,
        drill_id,
        who=visitor.who,
        now=parts.clock.now(),
        announcer=parts.announcer,
        on_commit=parts.wake,
        beside=audited(parts, visitor, "drill.end", "drill:"),
    )


def _may(visitor: Visitor) -> None:
    if not visitor.may(Role.SUPERVISOR):
        raise ForbiddenError("role", role=Role.SUPERVISOR.value)
