"""The fleet: who is silent, whose battery ends when, what is lost, and messages that were of no use."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, HTTPException, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from devices.frame import NO_GATEWAY
from ingest.dead_letters import count_by_reason, newest, one
from ingest.decode import Router
from ingest.envelopes.catalogue import routes
from ingest.envelopes.sparkplug import SparkplugDecoder
from jingqiao.console.city import City, CityOf
from jingqiao.console.page import Page, SupervisorPage, ViewerPage
from jingqiao.controls import RETRY
from jingqiao.database import reading, writing
from jingqiao.dossier.registry_store import request_control
from jingqiao.fleet.state import FleetState
from jingqiao.fleet.view import PAGE, faulty, sensor_rows, with_forecasts
from jingqiao.provisioning.letters import AT_ONCE, trial

router = APIRouter()

LETTERS: Final = 50
FIRST_LOOK_S: Final = 0.1
"""How long a page waits for counts that nobody has asked for before [s]."""

List = Literal["silent", "battery"]


@router.get("/fleet")
async def show(page: ViewerPage, city: CityOf) -> Response:
    """The page."""
    state = await city.fleet()
    return await run_in_threadpool(_show, page, city, state)


@router.get("/fleet/{which}")
async def part(
    page: ViewerPage, city: CityOf, which: List, after: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """More rows of a list."""
    state = await city.fleet()
    if state is None:
        raise HTTPException(404, "no engine")
    return await run_in_threadpool(
        lambda: page.show(f"fleet_{which}.html", which=which, **fleet_list(page, state, which, after))
    )


def _show(page: Page, city: City, state: FleetState | None) -> Response:
    parts = page.parts
    with reading(parts.database) as connection:
        faults, fault_count = faulty(connection, PAGE)
    lost, lost_at = city.losses.get(FIRST_LOOK_S)
    firmware, firmware_at = city.firmware.get(FIRST_LOOK_S)
    return page.show(
        "fleet.html",
        state=state,
        counts=None if state is None else state.counts,
        silent=None if state is None else fleet_list(page, state, "silent", 0),
        battery=None if state is None else fleet_list(page, state, "battery", 0),
        models=[] if state is None else city.models(state),
        firmware=firmware,
        firmware_at=firmware_at,
        faults=faults,
        fault_count=fault_count,
        losses=None if lost is None else [_named(row, state) for row in lost[:PAGE]],
        losses_at=lost_at,
        letters=letter_counts(page),
    )


def fleet_list(page: Page, state: FleetState, which: List, after: int) -> dict[str, Any]:
    """Rows of one list, and where it goes on."""
    parts = page.parts
    rows = state.silent if which == "silent" else state.weakest
    registry = parts.registry()
    rows = rows[rows < len(registry.sensors)]
    found = sensor_rows(registry, state, rows[after : after + PAGE])
    if which == "battery":
        empty = page.parts.rules().health.battery_empty_pct if page.parts.rules is not None else 10.0
        found = with_forecasts(found, parts.archive, parts.clock.now(), empty)
    rest = len(rows) - after - len(found)
    return {
        "rows": found,
        "total": len(rows),
        "rest": rest,
        "more": after + len(found) if rest > 0 else None,
    }


def letter_counts(page: Page) -> dict[str, int]:
    """Dead letters by reason; none where there is no log yet."""
    try:
        return count_by_reason(page.parts.settings.log_path)
    except FileNotFoundError:
        return {}


def _named(row: dict[str, Any], state: FleetState | None) -> dict[str, Any]:
    names = {} if state is None else state.gateway_ids
    key = int(row["gateway"]) if row["gateway"] is not None else -1
    return {**row, "name": names.get(key, "" if key in (-1, NO_GATEWAY) else f"{key:08x}")}


# --- dead letters --------------------------------------------------------------------------------


@router.get("/letters")
def letters(
    page: ViewerPage,
    reason: Annotated[str, Query(max_length=64)] = "",
    topic: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The newest dead letters."""
    try:
        found = newest(
            page.parts.settings.log_path, reason=reason or None, topic=topic or None, limit=LETTERS
        )
    except FileNotFoundError:
        found = []
    return page.show(
        "letters.html",
        letters=found,
        counts=letter_counts(page),
        reason=reason,
        topic=topic,
        most=LETTERS,
        at_once=AT_ONCE,
    )


@router.get("/letters/{number}")
def letter(page: ViewerPage, number: int) -> Response:
    """One of them, whole, and what would become of it now."""
    try:
        found = one(page.parts.settings.log_path, number)
    except FileNotFoundError:
        found = None
    if found is None:
        raise HTTPException(404, f"no dead letter {number}")
    now = trial(found, Router(routes(SparkplugDecoder())), page.parts.registry())
    return page.show("letter.html", letter=found, now_trial=now)


@router.post("/letters/retry")
def retry(
    page: SupervisorPage,
    number: Annotated[list[int] | None, Form()] = None,
    reason: Annotated[str, Form(max_length=64)] = "",
    topic: Annotated[str, Form(max_length=200)] = "",
    why: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Ask the service to try letters again: those that are named, or the newest of a reason."""
    numbers = list(dict.fromkeys(number or ()))[:AT_ONCE]
    if not numbers and (reason or topic):
        path = page.parts.settings.log_path
        try:
            chosen = newest(path, reason=reason or None, topic=topic or None, limit=AT_ONCE)
        except FileNotFoundError:
            chosen = []
        numbers = [item.number for item in chosen if item.retried is None]
    if not numbers:
        return page.refuse(422, page.say("console_city.letters.none_chosen"))
    now = page.parts.clock.now()
    with writing(page.parts.database) as connection:
        request = request_control(connection, RETRY, {"letters": sorted(numbers)}, now, now, page.who, why)
        audit = page.audited(
            "dead_letters.retry", f"letters:{len(numbers)}", reason=reason, first=min(numbers)
        )
        audit(connection, request)
    return page.go_to(f"/letters/{numbers[0]}" if len(numbers) == 1 else "/letters")
