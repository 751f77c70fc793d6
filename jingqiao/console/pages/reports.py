"""Reports by day and week, to be read, printed or taken along as CSV."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice
from typing import Annotated, Any, Final, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response, StreamingResponse

from jingqiao.console.city import CityOf
from jingqiao.console.page import ViewerPage
from jingqiao.dossier.dangers import DANGERS
from jingqiao.incidents.deadlines import deadlines_by
from jingqiao.map.city_map import facts_of
from jingqiao.reports.span import PERIODS, Period
from jingqiao.reports.telling import asset_rows, csv_text, incident_rows

router = APIRouter()

INCIDENTS_SHOWN: Final = 200
LATE_SHOWN: Final = 100
DANGERS_SHOWN: Final = 100
EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2200, 1, 1)

Day = Annotated[date | None, Query(ge=EARLIEST, le=LATEST)]
DangerName = Literal["over_age", "no_fall_net", "abandoned", "not_inspected", "no_sensor", "blind"]


@router.get("/reports")
def show(page: ViewerPage, city: CityOf, period: Period = "daily", day: Day = None) -> Response:
    """The page."""
    found = city.report(period, day)
    step = timedelta(days=7 if period == "weekly" else 1)
    dangers, dangers_at = city.dangers.get(0.3)
    return page.show(
        "report.html",
        report=found,
        period=period,
        periods=PERIODS,
        earlier=(found.span.first - step).isoformat(),
        later=(found.span.first + step).isoformat(),
        incidents=found.opened[:INCIDENTS_SHOWN],
        late=found.late[:LATE_SHOWN],
        dangers={name: len(rows) for name, rows in dangers.items()} if dangers else None,
        dangers_at=dangers_at,
        colours=("red", "orange", "yellow", "blue"),
    )


@router.get("/reports/incidents.csv")
def incidents_csv(page: ViewerPage, city: CityOf, period: Period = "daily", day: Day = None) -> Response:
    """The incidents of a report."""
    found = city.report(period, day, whole=True)
    rows = incident_rows(
        found, deadlines_by(page.parts.roster()), page.parts.clock.now(), page.zone, page.language
    )
    return _download(csv_text(rows), f"jingqiao-{period}-{found.span.first}.csv")


@router.get("/reports/dangers/{name}")
def dangers(page: ViewerPage, city: CityOf, name: DangerName) -> Response:
    """One list of hidden dangers."""
    rows, at = city.dangers.get(10.0)
    chosen = np.empty(0, np.int64) if rows is None else rows[name]
    registry = page.parts.registry()
    listed = [facts_of(registry, int(row)) for row in islice(chosen, DANGERS_SHOWN)]
    return page.show("dangers.html", name=name, names=DANGERS, rows=listed, total=len(chosen), at=at)


@router.get("/reports/dangers/{name}/all.csv")
def dangers_csv(page: ViewerPage, city: CityOf, name: DangerName) -> Response:
    """The whole list."""
    rows, _ = city.dangers.get(30.0)
    if rows is None:
        raise HTTPException(503, "the list is being made; try again in a moment")
    registry = page.parts.registry()
    told = asset_rows(registry, (int(row) for row in rows[name]), page.language)
    return _download(csv_text(told), f"jingqiao-{name}.csv")


def _download(text: Any, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(
        (part.encode() for part in text), media_type="text/csv; charset=utf-8", headers=headers
    )
