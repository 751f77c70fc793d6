"""Drills: the button, the one that runs, and the report of each: who got what when, who answered."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from jingqiao.console.board import person_name
from jingqiao.console.drilling import end_for, start_for
from jingqiao.console.page import Page, SupervisorPage, ViewerPage
from jingqiao.database import reading
from jingqiao.drills.drill import DrillError, drills, find_drill, running_drill
from jingqiao.drills.report import drill_report
from jingqiao.drills.target import TargetError
from rules.alarm import Hazard, Severity

router = APIRouter()
Word = Annotated[str, Form(max_length=256)]


@router.get("/drills")
def listed(page: ViewerPage) -> Response:
    """All drills, and the button."""
    return _show(page)


@router.post("/drills")
def start(
    page: SupervisorPage,
    asset: Word = "",
    team: Word = "",
    hazard: Annotated[Hazard, Form()] = Hazard.MISSING,
    severity: Annotated[int, Form(ge=1, le=4)] = int(Severity.RED),
    minutes: Annotated[float, Form(gt=0, le=1440)] = 60,
    why: Word = "",
) -> Response:
    """Begin one."""
    try:
        begun = start_for(
            page.parts,
            page.person,
            asset=asset,
            team=team,
            hazard=hazard,
            severity=Severity(severity),
            minutes=minutes,
            why=why,
        )
    except (TargetError, DrillError) as error:
        return _show(page, fault=page.say(f"drill.refused.{error.key}", **error.values), status=409)
    return page.go_to(f"/drills/{begun.id}")


@router.get("/drills/{drill_id}")
def report(page: ViewerPage, drill_id: int) -> Response:
    """Who got what when."""
    with reading(page.parts.database) as connection:
        found = find_drill(connection, drill_id)
        told: dict[str, Any] = {} if found is None else drill_report(connection, found, page.parts.roster())
    if found is None:
        return page.refuse(404, page.say("drill.refused.unknown_drill", id=drill_id))
    return page.show("drill.html", drill=found, report=told)


@router.post("/drills/{drill_id}/end")
def end(page: SupervisorPage, drill_id: int) -> Response:
    """End it."""
    try:
        end_for(page.parts, page.person, drill_id)
    except DrillError as error:
        return _show(page, fault=page.say(f"drill.refused.{error.key}", **error.values), status=409)
    return page.go_to(f"/drills/{drill_id}")


def _show(page: Page, *, fault: str = "", status: int = 200) -> Response:
    with reading(page.parts.database) as connection:
        found, running = drills(connection), running_drill(connection)
    roster = page.parts.roster()
    return page.show(
        "drills.html",
        status=status,
        fault=fault,
        drills=found,
        running=running,
        teams=[(team.id, team.name or team.id) for team in roster.teams],
        hazards=tuple(Hazard),
        severities=tuple(reversed(Severity)),
        name=lambda person: person_name(roster, person),
    )
