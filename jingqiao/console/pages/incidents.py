"""The list of incidents: filters in the address, fifty a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi.responses import Response

from jingqiao.console.board import Card, cards_of
from jingqiao.console.page import ViewerPage
from jingqiao.database import reading
from jingqiao.incidents.incident import LIVE, State
from jingqiao.incidents.search import Wanted, search
from jingqiao.incidents.tables import incident
from rules.alarm import Hazard, Severity

PAGE: Final = 50
WHICH: Final = {"live": LIVE, "unanswered": frozenset({State.OPEN}), "all": None}
"""Choices of the state filter, beside the states themselves."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the list.

    query : the filters as the address has them. before, after : address of the neighbouring pages.
    """

    cards: Sequence[Card]
    total: int
    first: int
    query: dict[str, str]
    districts: Sequence[str]
    before: str | None
    after: str | None

    @property
    def last(self) -> int:
        """Number of the last one shown."""
        return self.first + len(self.cards) - 1


def states_of(which: str) -> frozenset[State] | None:
    """The states behind a filter's word; unknown words mean live ones."""
    if which in set(State):
        return frozenset({State(which)})
    return WHICH.get(which, LIVE)


@router.get("/incidents")
def listed(
    page: ViewerPage,
    severity: str = "",
    hazard: str = "",
    state: str = "live",
    district: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
    page_number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """The page; a filter that is none counts as not set: addresses get mangled in chats."""
    colours = {item.colour: item for item in Severity}
    wanted = Wanted(
        severity=colours.get(severity),
        hazard=Hazard(hazard) if hazard in set(Hazard) else None,
        states=states_of(state),
        district=district,
        words=q.strip(),
    )
    start = (page_number - 1) * PAGE
    with reading(page.parts.database) as connection:
        found = search(connection, wanted, PAGE, start)
        cards = cards_of(
            connection, found.incidents, page.parts.roster(), page.language, page.parts.clock.now()
        )
        # Of live incidents only: the history of years is not looked through for a filter's choices.
        live = sa.select(incident.c.district).where(incident.c.state.in_([state.value for state in LIVE]))
        districts = set(connection.execute(live.distinct()).scalars()) | {district}
        query = {"severity": severity, "hazard": hazard, "state": state, "district": district, "q": q}
        view = Listed(
            cards=cards,
            total=found.total,
            first=start + 1,
            query=query,
            districts=sorted(districts - {""}),
            before=_address(query, page_number - 1) if page_number > 1 else None,
            after=_address(query, page_number + 1) if start + len(cards) < found.total else None,
        )
    return page.show(
        "incidents.html",
        view=view,
        severities=tuple(reversed(Severity)),
        hazards=tuple(Hazard),
        states=(*WHICH, *(state.value for state in State if state is not State.OPEN)),
    )


def _address(query: dict[str, str], number: int) -> str:
    kept = {key: value for key, value in query.items() if value}
    return "/incidents?" + urlencode(kept | ({"page": str(number)} if number > 1 else {}))
