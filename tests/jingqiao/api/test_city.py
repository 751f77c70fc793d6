"""What the city's pages show and do, programs get by tokens with scopes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from ingest.log import DeadLetter
from ingest.sqlite_log import SqliteLog
from jingqiao.console.parts import Parts
from jingqiao.controls import open_requests
from jingqiao.database import reading, writing
from jingqiao.incidents.view import rfc3339
from jingqiao.rulebook.versions import newest
from jingqiao.tokens.store import Scope, issue
from tests.support.at_work import kept_back
from tests.support.city_console import CityOffice
from tests.support.response import LID, change

TEXT = "[lid]\ntilt_attention_deg = 8\n"
VIEW = "west=114.8&east=115&south=30.3&north=30.5&zoom=15"
READS = {
    f"/map?{VIEW}": Scope.ASSETS_READ,
    "/assets?q=55号": Scope.ASSETS_READ,
    f"/assets/{LID}": Scope.ASSETS_READ,
    f"/assets/{LID}/history?since=1758000000&until=1790200000": Scope.READINGS_READ,
    "/permits": Scope.ASSETS_READ,
    "/fleet": Scope.ASSETS_READ,
    "/dead-letters": Scope.ASSETS_READ,
    "/reports/daily?day=2026-09-23": Scope.INCIDENTS_READ,
    "/rules": Scope.ASSETS_READ,
}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[CityOffice]:
    path = tmp_path / "rules.toml"
    path.write_text(TEXT, "utf-8")

    def with_rules(parts: Parts) -> Parts:
        return replace(parts, settings=parts.settings.model_copy(update={"rules": path}))

    made = CityOffice(tmp_path, changed=with_rules)
    made.add_accounts()
    yield made
    made.close()


def program(office: CityOffice, *scopes: Scope) -> httpx.AsyncClient:
    """A program with a token of these scopes."""
    with writing(office.database) as connection:
        _, secret = issue(
            connection,
            name="platform",
            scopes=scopes,
            who="admin",
            now=office.door_clock.now(),
        )
    client = office.client()
    client.headers["Authorization"] = f"Bearer {secret}"
    client.base_url = "http://console.test/api/v1"
    return client


@pytest.mark.parametrize(("path", "scope"), list(READS.items()))
async def test_a_program_reads_with_the_scope_and_not_without(
    office: CityOffice, path: str, scope: Scope
) -> None:
    await office.engine_says(change())
    office.measure(LID)
    async with program(office, scope) as client:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.json() is not None
    async with program(office, Scope.CAP_READ) as client:
        assert (await client.get(path)).status_code == 403
    async with office.client() as client:
        assert (await client.get(f"/api/v1{path}")).status_code == 401
    async with office.logged_in("viewer") as client:
        assert (await client.get(f"/api/v1{path}")).status_code == 200


async def test_the_map_says_what_its_numbers_mean(office: CityOffice) -> None:
    await office.engine_says(change())
    async with program(office, Scope.ASSETS_READ) as client:
        found = (await client.get(f"/map?{VIEW}")).json()
    (lid,) = [point for point in found["points"] if point[3] == LID]
    assert (found["crs"], found["states"][lid[2]]) == ("wgs84", "red")


async def test_a_program_asks_what_announced_work_muted(office: CityOffice) -> None:
    number, now = kept_back(office), office.clock.now()
    async with program(office, Scope.ASSETS_READ) as client:
        (listed,) = (await client.get("/permits", params={"asset_id": LID})).json()
        shown = (await client.get(f"/permits/{number}")).json()
        assert (await client.get("/permits?asset_id=none")).json() == []
        assert (await client.get("/permits/77")).status_code == 404
        filed = (await client.get(f"/assets/{LID}")).json()["permits"]
    assert (listed["id"], listed["note"], listed["muted_count"]) == (number, "电力检修", 1)
    (muted,) = listed["muted"]
    assert (muted["hazard"], muted["severity"], muted["to"]) == ("missing", "red", None)
    assert muted["from"] == rfc3339(now)
    assert (muted["value"], muted["limit"], muted["reason"]) == (92.0, 60.0, "井盖缺失")
    assert shown["muted"] == filed[0]["muted"] == listed["muted"]
    await office.clock.advance(7200)
    async with program(office, Scope.ASSETS_READ) as client:
        assert (await client.get("/permits")).json() == []
        (past,) = (await client.get("/permits?also_past=true")).json()
        assert (past["muted"], past["muted_count"]) == ([], 1), "it is over and mutes nothing any more"
        assert (await client.get(f"/permits/{number}")).json()["muted"] == shown["muted"]


async def test_a_program_records_an_inspection_and_has_letters_tried_again(office: CityOffice) -> None:
    log = SqliteLog(office.settings.log_path)
    await log.append([], [DeadLetter(office.clock.now(), "jingqiao/v1/s0/readings", b"{", "json", "no JSON")])
    log.close()
    async with program(office, Scope.ASSETS_WRITE, Scope.ASSETS_READ) as client:
        entry = {"what": "inspection", "note": "盖板完好"}
        assert (await client.post(f"/assets/{LID}/entries", json=entry)).status_code == 201
        assert (await client.get(f"/assets/{LID}")).json()["history"][-1]["who"] == "token:platform"
        assert (await client.post("/assets/none/entries", json=entry)).status_code == 404
        assert (await client.post(f"/assets/{LID}/entries", json={"what": "status"})).status_code == 422
        assert (await client.get("/dead-letters")).json()[0]["payload"] == "7b"
        assert (await client.post("/dead-letters/retry", json={"letters": [1]})).status_code == 202
        assert (await client.post("/dead-letters/retry", json={"letters": []})).status_code == 422
    (asked,) = open_requests(office.database, retries=True)
    assert asked.control.payload["letters"] == [1]
    async with office.logged_in("duty") as person:
        assert (await person.post("/api/v1/dead-letters/retry", json={"letters": [1]})).status_code == 403


async def test_a_program_changes_rules_only_from_what_they_are_and_only_to_what_is_good(
    office: CityOffice, tmp_path: Path
) -> None:
    async with program(office, Scope.ASSETS_READ, Scope.RULES_WRITE) as client:
        base = (await client.get("/rules")).json()["base"]
        new = {"text": TEXT.replace("8", "9"), "base": base, "why": "雨季"}
        assert (await client.put("/rules", json={**new, "why": ""})).status_code == 422
        wrong = await client.put("/rules", json={**new, "text": "[lid]\nnone = 1\n"})
        assert wrong.status_code == 422
        assert "rules.toml" in wrong.json()["detail"][0]
        assert (await client.put("/rules", json=new)).status_code == 200
        assert (await client.put("/rules", json=new)).status_code == 409
    assert (tmp_path / "rules.toml").read_text("utf-8") == TEXT.replace("8", "9")
    with reading(office.database) as connection:
        known = newest(connection)
    assert known is not None
    assert (known.who, known.why) == ("token:platform", "雨季")
    async with program(office, Scope.ASSETS_READ) as client:
        assert (await client.put("/rules", json=new)).status_code == 403
