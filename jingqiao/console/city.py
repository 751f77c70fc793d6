"""What the city's pages share: the map and its layers, what the fleet does, made once for an application."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, cast

import numpy as np
import numpy.typing as npt
from fastapi import Depends, Request

from config.faults import Fault
from config.roster import Roster
from config.rules import RuleSet
from devices.registry import Registry
from jingqiao.console.parts import Parts
from jingqiao.console.templates_ import MINUTE_US
from jingqiao.database import reading
from jingqiao.dossier.dangers import Limits, danger_rows, last_inspections
from jingqiao.fleet.firmware import by_firmware
from jingqiao.fleet.kept import Kept
from jingqiao.fleet.state import FleetState
from jingqiao.fleet.view import by_model, losses
from jingqiao.incidents.deadlines import deadlines_by
from jingqiao.incidents.store import changed_since
from jingqiao.map.city_map import CityMap
from jingqiao.map.layers import Layers, map_folder
from jingqiao.map.states import change_mark
from jingqiao.reports.report import Report, report
from jingqiao.reports.span import Period, Span, latest_whole, span_of
from jingqiao.rulebook.draft import judged
from jingqiao.rulebook.preview import Previews

FLEET_US: Final = 5_000_000
"""How old what the engine said of the fleet may get [µs]: a million rows are not copied for every look."""
LOSSES_US: Final = 600_000_000
"""How old counts of lost messages may get [µs]."""
FIRMWARE_US: Final = 60_000_000
"""How old counts of what devices run may get [µs]."""
REPORTS_KEPT: Final = 4
"""Daily and weekly ones that people look at by turns; one of ten thousand incidents takes some megabytes."""
DANGERS_US: Final = 600_000_000
"""How old the lists of hidden dangers may get [µs]."""


class City:
    """Held by the application; everything in it is safe for threads."""

    def __init__(self, parts: Parts) -> None:
        tiles = parts.settings.console.tiles
        crs = tiles.crs if tiles is not None else "wgs84"
        self._parts = parts
        self.map = CityMap(parts.database, parts.registry, crs)
        self.layers = Layers(map_folder(parts.settings.data_dir), crs)
        self.losses: Kept[list[dict[str, Any]] | None] = Kept(
            lambda: losses(parts.archive, parts.clock.now()), parts.clock.now, LOSSES_US
        )
        self.firmware: Kept[list[dict[str, Any]]] = Kept(self._find_firmware, parts.clock.now, FIRMWARE_US)
        self.dangers: Kept[dict[str, npt.NDArray[np.int64]]] = Kept(
            self._find_dangers, parts.clock.now, DANGERS_US
        )
        self._reports: dict[tuple[Span, bool], tuple[tuple[int, ...], Roster, Report]] = {}
        self.previews = Previews(parts.archive, parts.database, parts.registry, parts.roster)
        self._fleet: FleetState | None = None
        self._models: tuple[FleetState, list[dict[str, Any]]] | None = None
        self._judged: tuple[str, Registry, RuleSet | None, list[Fault]] | None = None
        self._fleet_at = -FLEET_US

    def report(self, period: Period, day: date | None, *, whole: bool = False) -> Report:
        """The report of a day; of the newest whole period where none is named.

        whole : bool  With all of its incidents, not their figures alone.
        """
        parts = self._parts
        now, roster = parts.clock.now(), parts.roster()
        span = span_of(period, day or latest_whole(period, now, parts.zone), parts.zone)
        with reading(parts.database) as connection:
            # A week of ten thousand incidents takes a while: not again as long as nothing has changed.
            mark = (*change_mark(connection), now // MINUTE_US)
            kept = self._reports.get((span, whole))
            if kept is not None and kept[1] is not roster:
                kept = None  # other limits
            if kept is None or kept[0] != mark:
                changed = None if kept is None or whole else changed_since(connection, kept[0][0])
                made = report(
                    connection,
                    span,
                    now,
                    deadlines_by(roster),
                    whole=whole,
                    before=None if kept is None or changed is None else kept[2],
                    changed=changed or (),
                )
                kept = (mark, roster, made)
                while len(self._reports) >= REPORTS_KEPT:
                    self._reports.pop(next(iter(self._reports)), None)
                self._reports[span, whole] = kept
        return kept[2]

    def models(self, state: FleetState) -> list[dict[str, Any]]:
        """`by_model` of a state, counted once."""
        if self._models is None or self._models[0] is not state:
            self._models = (state, by_model(self._parts.registry(), state))
        return self._models[1]

    def _find_firmware(self) -> list[dict[str, Any]]:
        with reading(self._parts.database) as connection:
            return by_firmware(connection)

    def _find_dangers(self) -> dict[str, npt.NDArray[np.int64]]:
        registry = self._parts.registry()
        with reading(self._parts.database) as connection:
            inspected = last_inspections(connection, len(registry.assets))
        return danger_rows(registry, inspected, self._parts.clock.now(), Limits())

    def judged(self, text: str, name: str) -> tuple[RuleSet | None, list[Fault]]:
        """`rulebook.draft.judged` of the rules that hold: looked at often, changed seldom."""
        registry, kept = self._parts.registry(), self._judged
        if kept is None or kept[0] != text or kept[1] is not registry:
            kept = self._judged = (text, registry, *judged(text, name, registry))
        return kept[2], kept[3]

    async def fleet(self) -> FleetState | None:
        """What the engine knows of all devices, at most FLEET_US old; None where there is no engine."""
        now = self._parts.door_clock.now()
        if self._parts.fleet is not None and now - self._fleet_at >= FLEET_US:
            self._fleet = await self._parts.fleet()
            self._fleet_at = now
        return self._fleet


def city_of(request: Request) -> City:
    """The city of the application that serves a request."""
    return cast(City, request.app.state.city)


CityOf = Annotated[City, Depends(city_of)]
"""A parameter of this type is the city."""
