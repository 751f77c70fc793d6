"""What pages and API work with: the parts of the running service, given once when the application is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi import Depends, Request

from config.roster import Roster
from config.rules import RuleSet
from config.settings import Settings
from devices.registry import Registry
from jingqiao.accounts.oidc import OidcProvider
from jingqiao.archive.contract import Archive
from jingqiao.clock import Clock, WallClock
from jingqiao.console.board import Boards
from jingqiao.console.changes import Changes
from jingqiao.fleet.state import FleetState
from jingqiao.incidents.event import Announcer

if TYPE_CHECKING:
    from jingqiao.service import Service


@dataclass(frozen=True, slots=True)
class Parts:
    """The service as pages see it.

    clock : the service's time: ages, limits, permits.
    bridge_state : asset id → state and course of its sensors (`jingqiao.bridge_state`); None likewise.
    explain : asset id → what the engine knows of its sensors (`rules explain`); None where there is none.
    rules : () → the rule set of the moment; None where there is no engine.
    fleet : () → what the engine knows of all devices; None where there is none.
    door_clock : time of sessions and login attempts; the demo's weeks must not log anybody out.
    announcer, wake : given to `incidents.desk.act`, so that people are told of what is done here.
    roster_changed : to be called when a change of the roster was written here: it holds at once.
    applied_at : when the rules last judged anything [µs since 1970 UTC]; 0 = not yet.
    oidc : the office's identity provider, where there is one.
    driven : the clock leaps (demo): how old the data is says nothing.
    problems : what is wrong with the service now, in sentences of the settings' language.
    """

    settings: Settings
    database: sa.Engine
    registry: Callable[[], Registry]
    roster: Callable[[], Roster]
    clock: Clock
    announcer: Announcer
    wake: Callable[[], None]
    archive: Archive | None
    applied_at: Callable[[], int]
    problems: Callable[[], tuple[str, ...]]
    changes: Changes
    roster_changed: Callable[[], object]
    door_clock: Clock = field(default_factory=WallClock)
    driven: bool = False
    boards: Boards = field(default_factory=Boards)
    oidc: OidcProvider | None = None
    explain: Callable[[str], Awaitable[list[dict[str, Any]]]] | None = None
    fleet: Callable[[], Awaitable[FleetState]] | None = None
    rules: Callable[[], RuleSet] | None = None
    bridge_state: Callable[[str], Awaitable[list[dict[str, Any]]]] | None = None

    @property
    def zone(self) -> ZoneInfo:
        """Where the office is."""
        return ZoneInfo(self.settings.timezone)


def parts_of_service(
    service: Service, problems: Callable[[], tuple[str, ...]], *, driven: bool = False
) -> Parts:
    """The parts of one running service."""
    return Parts(
        settings=service.settings,
        database=service.database,
        registry=service.registry,
        roster=service.roster,
        clock=service.clock,
        announcer=service.planner,
        wake=service.dispatcher.wake,
        archive=service.archive,
        applied_at=lambda: service.vitals.applied_at,
        problems=problems,
        changes=service.changes,
        roster_changed=service.read_roster_anew,
        driven=driven,
        oidc=OidcProvider(oidc) if (oidc := service.settings.console.oidc) is not None else None,
        explain=service.explain,
        fleet=service.fleet,
        rules=lambda: service.engine.rules,
        bridge_state=service.bridge_state,
    )


def parts_of(request: Request) -> Parts:
    """The parts of the application that serves a request."""
    return cast(Parts, request.app.state.parts)


PartsOf = Annotated[Parts, Depends(parts_of)]
"""A parameter of this type is the service's parts."""
