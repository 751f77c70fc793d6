"""Messages: who was sent what, and what really became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from config.roster import Roster
from jingqiao.console.board import person_name
from jingqiao.console.page import ViewerPage
from jingqiao.database import reading
from jingqiao.notify.mailbox import Letter, letters
from jingqiao.notify.outbox import MessageState
from jingqiao.response_counts import response_counts

PAGE: Final = 50

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Sent:
    """One message and how its recipient is called."""

    letter: Letter
    name: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One page. counts : state → messages of the last 24 h; after : address of the next page."""

    sent: Sequence[Sent]
    counts: Mapping[str, int]
    state: str
    person: str
    after: str | None


def named(found: Sequence[Letter], roster: Roster) -> list[Sent]:
    """Messages with their recipients' names."""
    return [Sent(letter, person_name(roster, letter.message["person"])) for letter in found]


@router.get("/messages")
def messages(
    page: ViewerPage,
    state: str = "",
    person: str = "",
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The page."""
    state = state if state in set(MessageState) else ""
    roster = page.parts.roster()
    counts = response_counts(page.parts.database, page.parts.clock.now()).messages
    with reading(page.parts.database) as connection:
        found = letters(connection, PAGE, before=before, state=state, person=person)
    after = None
    if len(found) == PAGE:
        kept = {"state": state, "person": person, "before": str(found[-1].message["id"])}
        after = "/messages?" + urlencode({key: value for key, value in kept.items() if value})
    view = Mailbox(named(found, roster), counts, state, person, after)
    people = [(id_, someone.name) for id_, someone in roster.people.items()]
    return page.show("messages.html", view=view, states=tuple(MessageState), people=people)
