"""Incidents by the API: the board, the list, one with its story, and acts on it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from config.messages import Language
from jingqiao.api.caller import Reader, Worker
from jingqiao.console.acting import act_for
from jingqiao.console.board import board
from jingqiao.console.pages.incidents import states_of
from jingqiao.console.parts import PartsOf
from jingqiao.database import reading
from jingqiao.incidents.desk import NotPossibleError, UnknownIncidentError
from jingqiao.incidents.incident import Action
from jingqiao.incidents.search import Wanted, search
from jingqiao.incidents.store import find, transitions_of
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
    q: Annotated[str, Query(max_length=200)] = "",
    language: Language = "zh",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> list[dict[str, Any]]:
    """Incidents, gravest first; the header `X-Total-Count` says how many there are in all."""
    wanted = Wanted(
        severity=None if severity is None else Severity[severity.upper()],
        hazard=hazard,
        states=states_of(state),
        district=district,
        words=q.strip(),
    )
    with reading(parts.database) as connection:
        found = search(connection, wanted, limit, offset)
    answer.headers["X-Total-Count"] = str(found.total)
    return [as_json(item, language) for item in found.incidents]


@router.get("/incidents/{incident_id}")
def one(parts: PartsOf, caller: Reader, incident_id: int, language: Language = "zh") -> dict[str, Any]:  # noqa: ARG001
    """One incident with its history and its messages."""
    with reading(parts.database) as connection:
        incident = find(connection, incident_id)
        if incident is None:
            raise HTTPException(404, f"no incident {incident_id}")
        history = transitions_of(connection, incident_id)
        told = letters(connection, 1000, incident_id=incident_id)
    return as_json(incident, language) | {
        "history": history_json(history),
        "messages": [message_json(letter.message, letter.attempts) for letter in reversed(told)],
    }


@router.post("/incidents/{incident_id}/acts")
def act(
    parts: PartsOf, caller: Worker, incident_id: int, wanted: Act, language: Language = "zh"
) -> dict[str, Any]:
    """Do one act; gives the incident as it is then. 409 where its state does not allow it."""
    try:
        done = act_for(parts, caller, incident_id, wanted.action, assignee=wanted.assignee, why=wanted.why)
    except UnknownIncidentError:
        raise HTTPException(404, f"no incident {incident_id}") from None
    except NotPossibleError as error:
        possible = ", ".join(action.value for action in error.possible)
        raise HTTPException(409, f"{error}; possible: {possible}") from None
    return as_json(done, language)
