"""Now: what is open, who is on it, who is on duty, and how fresh all of this is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from config.roster import Roster
from devices.registry import UNKNOWN, Registry
from jingqiao.console.board import Board, person_name
from jingqiao.console.page import Page, ViewerPage
from jingqiao.database import reading
from jingqiao.incidents.muted import Muted, kept_back_now
from jingqiao.roster.duty import team_duty

router = APIRouter()

WORK_SHOWN: Final = 8
"""Assets with muted alarms that are named."""


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Who is on in one team. until : [µs since 1970 UTC]"""

    team: str
    people: tuple[str, ...]
    until: int


@dataclass(frozen=True, slots=True)
class AtWork:
    """What announced work at one asset keeps from being told now, the gravest first."""

    place: str
    muted: tuple[Muted, ...]


@dataclass(frozen=True, slots=True)
class Now:
    """Everything the page shows.

    at_work : assets where announced work keeps an alarm back now, the gravest first; at_work_total : of all.
    people : (id, name) of those to whom work can be given, whoever is on duty first.
    as_of : when the rules last judged anything [µs]; 0 = not yet.
    """

    board: Board
    at_work: tuple[AtWork, ...]
    at_work_total: int
    people: tuple[tuple[str, str], ...]
    duty: tuple[OnDuty, ...]
    problems: tuple[str, ...]
    as_of: int


def now_view(page: Page) -> Now:
    """The view of the moment."""
    parts = page.parts
    roster, moment = parts.roster(), parts.clock.now()
    seen = parts.changes.seen_now()
    with reading(parts.database) as connection:
        shown = parts.boards.get(seen, connection, roster, page.language, moment)
        kept_back = kept_back_now(connection, moment)
    work = at_work(kept_back, parts.registry())
    return Now(
        shown,
        work[:WORK_SHOWN],
        len(work),
        to_whom(roster, moment),
        on_duty(roster, moment),
        parts.problems(),
        parts.applied_at(),
    )


def at_work(kept_back: Mapping[int, Sequence[Muted]], registry: Registry) -> tuple[AtWork, ...]:
    """What is muted now, by asset: two permits that overlap mute it once."""
    found: dict[str, dict[tuple[str, str], Muted]] = {}
    for item in (item for items in kept_back.values() for item in items):
        found.setdefault(item.asset_id, {})[item.sensor_id, item.hazard] = item
    work = [
        AtWork(_place(registry, asset_id), tuple(sorted(items.values(), key=lambda item: -item.severity)))
        for asset_id, items in found.items()
    ]
    return tuple(sorted(work, key=lambda it: (-it.muted[0].severity, it.muted[0].since, it.place)))


def _place(registry: Registry, asset_id: str) -> str:
    index = registry.asset_index(asset_id)
    return (registry.assets.text("name", index) if index != UNKNOWN else "") or asset_id


def to_whom(roster: Roster, at: int) -> tuple[tuple[str, str], ...]:
    """(id, name) of everybody in the roster, whoever is on duty first."""
    on = [person for team in roster.teams for person in team_duty(roster, team, at).people]
    return tuple((id_, person_name(roster, id_)) for id_ in dict.fromkeys([*on, *roster.people]))


def on_duty(roster: Roster, at: int) -> tuple[OnDuty, ...]:
    """Who is on at a moment, team by team."""
    duties = [(team, team_duty(roster, team, at)) for team in roster.teams]
    return tuple(
        OnDuty(team.name or team.id, tuple(person_name(roster, p) for p in duty.people), duty.until)
        for team, duty in duties
    )


@router.get("/")
def now(page: ViewerPage) -> Response:
    """The page."""
    return page.show("now.html", view=now_view(page))


@router.get("/now/board")
def part(page: ViewerPage) -> Response:
    """Its changing part."""
    return page.show("now_board.html", view=now_view(page))
