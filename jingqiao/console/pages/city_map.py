"""The map: covers by state in clusters, imported lines, and a list beside it that is its equal."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import JSONResponse, Response

from jingqiao.console.city import City, CityOf
from jingqiao.console.page import ViewerPage
from jingqiao.map.grid import View
from jingqiao.map.layers import LayerNameError
from jingqiao.map.mercator import to_unit
from jingqiao.map.states import MapState

router = APIRouter()

LIST_ROWS = 50


def view_of(
    west: Annotated[float, Query(ge=-180, le=180)],
    south: Annotated[float, Query(ge=-90, le=90)],
    east: Annotated[float, Query(ge=-180, le=180)],
    north: Annotated[float, Query(ge=-90, le=90)],
) -> View:
    """The piece of the map that is asked for [°]; refused where it is upside down."""
    if west > east or south > north:
        raise HTTPException(422, "west lies east of east, or south north of north")
    x, y = to_unit(np.array([west, east]), np.array([north, south]))
    return View(float(x[0]), float(y[0]), float(x[1]), float(y[1]))


ViewOf = Annotated[View, Depends(view_of)]
Zoom = Annotated[int, Query(ge=0, le=22)]
District = Annotated[str, Query(max_length=64)]


@router.get("/map")
def show(page: ViewerPage, city: CityOf, district: District = "") -> Response:
    """The page, with the list already in it: it serves without script."""
    tiles = page.parts.settings.console.tiles
    return page.show(
        "map.html",
        districts=city.map.districts(),
        bounds=city.map.bounds(),
        layers=city.layers.all(),
        tiles=tiles,
        states=tuple(MapState),
        states_said=[page.say(f"console_city.state.{state.name.lower()}") for state in MapState],
        **alert_list(city, None, district, 0),
    )


@router.get("/map/list")
def part(
    page: ViewerPage,
    city: CityOf,
    district: District = "",
    after: Annotated[int, Query(ge=0)] = 0,
    bbox: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The list of a view, or of the whole city. bbox : west,south,east,north [°]."""
    view = None
    if bbox:
        try:
            west, south, east, north = (float(number) for number in bbox.split(","))
        except ValueError:
            raise HTTPException(422, "bbox is west,south,east,north") from None
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            raise HTTPException(422, "bbox is west,south,east,north in degrees")
        view = view_of(west, south, east, north)
    return page.show(
        "map_rows.html" if after else "map_list.html", **alert_list(city, view, district, after, bbox)
    )


def alert_list(city: City, view: View | None, district: str, after: int, bbox: str = "") -> dict[str, Any]:
    """Values for the list's template."""
    listed, total = city.map.alerts(view, district=district, after=after, limit=LIST_ROWS)
    rows = [{"alert": alert, **facts, "place": city.map.place_of(alert.asset)} for alert, facts in listed]
    return {
        "rows": rows,
        "total": total,
        "after": after,
        "more": after + len(rows) if after + len(rows) < total else None,
        "counts": city.map.counts(),
        "bbox": bbox,
        "district": district,
    }


@router.get("/map/view")
def data(
    page: ViewerPage,
    city: CityOf,
    view: ViewOf,
    zoom: Zoom,
    district: District = "",
    alerting: bool = False,
) -> Response:
    """Clusters and points of a view, in the map's coordinates."""
    del page
    return JSONResponse(
        city.map.view(view, zoom, district=district, only_alerting=alerting),
        headers={"Cache-Control": "no-store"},
    )


@router.get("/map/layers/{name}")
def layer(page: ViewerPage, city: CityOf, name: str, view: ViewOf, zoom: Zoom) -> Response:
    """Lines of a layer in a view."""
    del page
    try:
        lines = city.layers.lines(name, view, zoom)
    except LayerNameError:
        lines = None
    if lines is None:
        raise HTTPException(404, "no such layer")
    return JSONResponse(lines, headers={"Cache-Control": "private, max-age=60"})
