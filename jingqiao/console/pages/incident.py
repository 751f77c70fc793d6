"""One incident: its whole story, and everything that can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from jingqiao.accounts.role import Role
from jingqiao.console.acting import act_for, grade_for, merge_for, photo_for, role_for, split_for
from jingqiao.console.board import person_name
from jingqiao.console.page import DutyPage, Page, SupervisorPage, ViewerPage
from jingqiao.console.pages.messages import named
from jingqiao.console.pages.now import to_whom
from jingqiao.console.story import story_of
from jingqiao.database import reading
from jingqiao.incidents.desk import NotPossibleError, UnknownIncidentError
from jingqiao.incidents.grading import NotGradableError
from jingqiao.incidents.incident import Action, Incident
from jingqiao.incidents.merging import CannotMergeError
from jingqiao.incidents.store import find
from rules.alarm import Severity

router = APIRouter()
Why = Annotated[str, Form(max_length=4000)]


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
    why: Why = "",
) -> Response:
    """Do one act; htmx is told that something changed, a browser without script is led back."""
    visitor = page.person
    return _done(
        page,
        incident_id,
        lambda: act_for(page.parts, visitor, incident_id, action, assignee=assignee, why=why),
    )


@router.post("/incidents/{incident_id}/severity")
def severity(
    page: SupervisorPage, incident_id: int, severity: Annotated[int, Form()], why: Why = ""
) -> Response:
    """Set how grave it is, with a reason."""
    if not why.strip():
        return page.refuse(422, page.say("console.incident.why_needed"))
    try:
        wanted = Severity(severity)
    except ValueError:
        return page.refuse(422, page.say("console.live.failed"))
    return _done(page, incident_id, lambda: grade_for(page.parts, page.person, incident_id, wanted, why))


@router.post("/incidents/{incident_id}/merge")
def merge(page: SupervisorPage, incident_id: int, other: Annotated[int, Form()], why: Why = "") -> Response:
    """Put it together with another incident: into that area, or both into a new one."""
    with reading(page.parts.database) as connection:
        found = find(connection, other)
    area = found is not None and found.is_area
    ids = [incident_id] if area else [incident_id, other]
    into = other if area else None
    return _done(page, incident_id, lambda: merge_for(page.parts, page.person, ids, into=into, why=why))


@router.post("/incidents/{incident_id}/split")
def split(page: SupervisorPage, incident_id: int, why: Why = "") -> Response:
    """Take it out of its area."""
    return _done(page, incident_id, lambda: split_for(page.parts, page.person, incident_id, why))


@router.post("/incidents/{incident_id}/photo")
def photo(
    page: DutyPage, incident_id: int, reference: Annotated[str, Form(max_length=1000)] = "", why: Why = ""
) -> Response:
    """Note where a photo lies."""
    if not reference.strip():
        return page.refuse(422, page.say("console.incident.reference_needed"))
    return _done(page, incident_id, lambda: photo_for(page.parts, page.person, incident_id, reference, why))


def _done(page: Page, incident_id: int, doing: Callable[[], Incident]) -> Response:
    """Do it, or say why not."""
    try:
        doing()
    except UnknownIncidentError as error:
        return page.refuse(404, page.say("console.incident.gone", id=error.incident_id))
    except (NotPossibleError, NotGradableError) as error:
        state = page.say(f"notify.state.{error.incident.state}")
        return page.refuse(409, page.say("console.incident.not_possible", id=incident_id, state=state))
    except CannotMergeError as error:
        problem = (
            page.say("incidents.not_merged", id=incident_id)
            if error.key == "not_merged"
            else page.say(f"incidents.merge.{error.key}", **error.values)
        )
        return page.refuse(409, page.say("incidents.cannot_merge", problem=problem))
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
        answered=[person_name(roster, who) for who in story.card.incident.answered_by],
        severities=tuple(reversed(Severity)) if page.may(Role.SUPERVISOR) else (),
    )
