"""Incidents by the API: the board, the list, one with its story, and acts on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from config.messages import Language, text
from jingqiao.api.caller import Reader, Worker
from jingqiao.console.acting import act_for, grade_for, merge_for, photo_for, split_for
from jingqiao.console.board import board
from jingqiao.console.pages.incidents import states_of
from jingqiao.console.parts import Parts, PartsOf
from jingqiao.database import reading
from jingqiao.incidents.deadlines import deadlines_by
from jingqiao.incidents.desk import NotPossibleError, UnknownIncidentError
from jingqiao.incidents.grading import NotGradableError
from jingqiao.incidents.incident import Action, Incident
from jingqiao.incidents.merging import CannotMergeError
from jingqiao.incidents.search import Wanted, search
from jingqiao.incidents.store import find, members_of, transitions_of
from jingqiao.incidents.view import as_json, history_json, rfc3339
from jingqiao.notify.mailbox import letters
from jingqiao.notify.view import message_json
from rules.alarm import Hazard, Severity

router = APIRouter(prefix="/api/v1", tags=["incidents"])
Colour = Literal["red", "orange", "yellow", "blue"]
Which = Literal[
    "live", "unanswered", "all", "acknowledged", "dispatched", "on_site", "resolved", "closed", "false_alarm"
]


class Act(BaseModel):
    """What to do with an incident. assignee : id of the roster's person, for `assign`."""

    action: Action
    why: str = Field(default="", max_length=4000)
    assignee: str = Field(default="", max_length=128)


class Grade(BaseModel):
    """How grave it is, and why."""

    severity: Colour
    why: str = Field(min_length=1, max_length=4000)


class Merge(BaseModel):
    """What belongs together. into : a live area incident; None = a new one."""

    ids: list[int] = Field(min_length=1, max_length=1000)
    into: int | None = None
    why: str = Field(default="", max_length=4000)


class Split(BaseModel):
    """Why it does not belong there."""

    why: str = Field(default="", max_length=4000)


class Photo(BaseModel):
    """Where a photo lies: a path, a number, an address."""

    reference: str = Field(min_length=1, max_length=1000)
    why: str = Field(default="", max_length=4000)


@router.get("/board")
def now(parts: PartsOf, caller: Reader) -> dict[str, Any]:  # noqa: ARG001 - admits
    """Live incidents counted by severity and hazard, and how fresh that is."""
    moment = parts.clock.now()
    with reading(parts.database) as connection:
        shown = board(connection, parts.roster(), "en", moment)
    return {
        "as_of": rfc3339(parts.applied_at() or None),
        "newest_id": shown.newest,
        "live": shown.total,
        "unanswered": shown.unanswered,
        "problems": list(parts.problems()),
        "severities": [
            {
                "severity": section.severity.colour,
                "live": section.total,
                "unanswered": section.unanswered,
                "hazards": [
                    {"hazard": group.hazard.value, "live": group.total, "unanswered": group.unanswered}
                    for group in section.groups
                ],
            }
            for section in shown.sections
        ],
    }


@router.get("/incidents")
def listed(
    parts: PartsOf,
    caller: Reader,  # noqa: ARG001 - admits
    answer: Response,
    severity: Colour | None = None,
    hazard: Hazard | None = None,
    state: Which = "live",
    district: str = "",
    areas: bool = False,
    drills: bool = False,
    area: int | None = None,
    q: Annotated[str, Query(max_length=200)] = "",
    language: Language = "zh",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[dict[str, Any]]:
    """Incidents, gravest first; the header `X-Total-Count` says how many there are in all.

    areas : area incidents in place of their members. area : members of that one. drills : those of drills.
    """
    wanted = Wanted(
        severity=None if severity is None else Severity[severity.upper()],
        hazard=hazard,
        states=states_of(state),
        district=district,
        words=q.strip(),
        grouped=areas,
        area_id=area,
        exercises=drills,
    )
    with reading(parts.database) as connection:
        found = search(connection, wanted, limit, offset)
    answer.headers["X-Total-Count"] = str(found.total)
    deadlines, now = deadlines_by(parts.roster()), parts.clock.now()
    return [as_json(item, language, deadlines(item), now) for item in found.incidents]


@router.get("/incidents/{incident_id}")
def one(parts: PartsOf, caller: Reader, incident_id: int, language: Language = "zh") -> dict[str, Any]:  # noqa: ARG001
    """One incident with its history and its messages."""
    with reading(parts.database) as connection:
        incident = find(connection, incident_id)
        if incident is None:
            raise HTTPException(404, f"no incident {incident_id}")
        history = transitions_of(connection, incident_id)
        told = letters(connection, 1000, incident_id=incident_id)
        members = [member.id for member in members_of(connection, incident_id)]
    return _json(parts, incident, language) | {
        "members": members,
        "history": history_json(history),
        "messages": [message_json(letter.message, letter.attempts) for letter in reversed(told)],
    }


@router.post("/incidents/{incident_id}/acts")
def act(
    parts: PartsOf, caller: Worker, incident_id: int, wanted: Act, language: Language = "zh"
) -> dict[str, Any]:
    """Do one act; gives the incident as it is then. 409 where its state does not allow it."""
    with _refusals():
        done = act_for(parts, caller, incident_id, wanted.action, assignee=wanted.assignee, why=wanted.why)
    return _json(parts, done, language)


@router.post("/incidents/{incident_id}/severity")
def severity(
    parts: PartsOf, caller: Worker, incident_id: int, wanted: Grade, language: Language = "zh"
) -> dict[str, Any]:
    """Raise or lower the severity; a supervisor's."""
    with _refusals():
        done = grade_for(parts, caller, incident_id, Severity[wanted.severity.upper()], wanted.why)
    return _json(parts, done, language)


@router.post("/incidents/merge")
def merge(parts: PartsOf, caller: Worker, wanted: Merge, language: Language = "zh") -> dict[str, Any]:
    """Merge into an area incident, which is given; a supervisor's."""
    with _refusals():
        area = merge_for(parts, caller, wanted.ids, into=wanted.into, why=wanted.why)
    return _json(parts, area, language)


@router.post("/incidents/{incident_id}/split")
def split(
    parts: PartsOf, caller: Worker, incident_id: int, wanted: Split, language: Language = "zh"
) -> dict[str, Any]:
    """Take it out of its area incident; a supervisor's."""
    with _refusals():
        alone = split_for(parts, caller, incident_id, wanted.why)
    return _json(parts, alone, language)


@router.post("/incidents/{incident_id}/photos")
def photo(
    parts: PartsOf, caller: Worker, incident_id: int, wanted: Photo, language: Language = "zh"
) -> dict[str, Any]:
    """Note where a photo lies."""
    with _refusals():
        done = photo_for(parts, caller, incident_id, wanted.reference, wanted.why)
    return _json(parts, done, language)


@contextmanager
def _refusals() -> Iterator[None]:
    """What cannot be done, as HTTP says it."""
    try:
        yield
    except UnknownIncidentError as error:
        raise HTTPException(404, f"no incident {error.incident_id}") from None
    except NotPossibleError as error:
        possible = ", ".join(action.value for action in error.possible)
        raise HTTPException(409, f"{error}; possible: {possible}") from None
    except NotGradableError as error:
        raise HTTPException(409, str(error)) from None
    except CannotMergeError as error:
        if error.key == "not_merged":
            raise HTTPException(409, "it is in no area incident") from None
        raise HTTPException(409, text(f"incidents.merge.{error.key}", "en", **error.values)) from None
    except ValueError as error:
        raise HTTPException(422, str(error)) from None


def _json(parts: Parts, incident: Incident, language: Language) -> dict[str, Any]:
    return as_json(incident, language, deadlines_by(parts.roster())(incident), parts.clock.now())
