"""The search box: an asset by the end of its number, its road, its name, or its sensor."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from jingqiao.console.page import ViewerPage
from jingqiao.search import LONGEST, search

router = APIRouter()

ROWS_IN_BOX = 8
ROWS = 100

Asked = Annotated[str, Query(max_length=LONGEST)]


@router.get("/search")
def show(page: ViewerPage, q: Asked = "") -> Response:
    """The page; an asset that one word names whole is opened at once."""
    found = search(page.parts.registry(), q, ROWS)
    if len(found) == 1 and found[0]["how"] in ("id", "sensor"):
        return page.go_to(f"/assets/{found[0]['asset_id']}")
    return page.show("search.html", asked=q, found=found, most=ROWS)


@router.get("/search/found")
def part(page: ViewerPage, q: Asked = "") -> Response:
    """What stands under the box while somebody types."""
    found = search(page.parts.registry(), q, ROWS_IN_BOX) if q.strip() else []
    return page.show("search_found.html", asked=q, found=found, most=ROWS_IN_BOX)
