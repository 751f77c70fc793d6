"""One incident: its whole story, and everything that can be done with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from jingqiao.console.acting import act_for, role_for
from jingqiao.console.page import DutyPage, Page, ViewerPage
from jingqiao.console.pages.messages import named
from jingqiao.console.pages.now import to_whom
from jingqiao.console.story import story_of
from jingqiao.database import reading
from jingqiao.incidents.desk import NotPossibleError, UnknownIncidentError
from jingqiao.incidents.incident import Action

router = APIRouter()


@router.get("/incidents/{incident_id}")
def whole(page: ViewerPage, incident_id: int) -> Response:
    """The page."""
    return _show(page, incident_id, "incident.html")


@router.get("/incidents/{incident_id}/story")
def part(page: ViewerPage, incident_id: int) -> Response:
    """Its changing part."""
    return _show(page, incident_id, "incident_story.html")


@router.post("/incidents/{incident_id}/act")
def act(
    page: DutyPage,
    incident_id: int,
    action: Annotated[Action, Form()],
    assignee: Annotated[str, Form(max_length=128)] = "",
    why: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Do one act; htmx is told that something changed, a browser without script is led back."""
    assert page.visitor is not None
    try:
        act_for(page.parts, page.visitor, incident_id, action, assignee=assignee, why=why)
    except UnknownIncidentError:
        return page.refuse(404, page.say("console.incident.gone", id=incident_id))
    except NotPossibleError as error:
        state = page.say(f"notify.state.{error.incident.state}")
        return page.refuse(409, page.say("console.incident.not_possible", id=incident_id, state=state))
    return page.changed(f"/incidents/{incident_id}")


def _show(page: Page, incident_id: int, template: str) -> Response:
    roster, now = page.parts.roster(), page.parts.clock.now()
    with reading(page.parts.database) as connection:
        story = story_of(connection, incident_id, roster, page.language, now)
    if story is None:
        return page.refuse(404, page.say("console.incident.gone", id=incident_id))
    allowed = [action for action in story.actions if page.may(role_for(action))]
    return page.show(
        template,
        story=story,
        allowed=allowed,
        people=to_whom(roster, now),
        messages=named(story.messages, roster),
    )
