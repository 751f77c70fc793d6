"""The JSON API: the same as the pages, for tokens with scopes and for whoever is logged in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from jingqiao.database import writing
from jingqiao.incidents.incident import State
from jingqiao.tokens.store import Scope, issue
from rules.alarm import Hazard, Severity
from tests.support.console import WITH_LIMITS, ConsoleOffice
from tests.support.response import LID_2, change


@pytest.fixture
def office(tmp_path: Path) -> Iterator[ConsoleOffice]:
    made = ConsoleOffice(tmp_path, roster=WITH_LIMITS)
    made.add_accounts()
    yield made
    made.close()


def program(office: ConsoleOffice, *scopes: Scope) -> httpx.AsyncClient:
    with writing(office.database) as connection:
        _, secret = issue(connection, name="platform", scopes=scopes, who="test", now=office.door_clock.now())
    client = office.client()
    client.headers["Authorization"] = f"Bearer {secret}"
    return client


async def test_a_program_reads_incidents_and_acts_on_them_by_its_scopes(office: ConsoleOffice) -> None:
    await office.engine_says(change(), change(hazard=Hazard.TILTED, asset_id=LID_2, severity=Severity.ORANGE))
    async with program(office, Scope.INCIDENTS_READ, Scope.INCIDENTS_WRITE) as client:
        answer = await client.get("/api/v1/incidents?severity=red&limit=1")
        assert answer.headers["x-total-count"] == "1"
        assert [(i["id"], i["severity"], i["state"]) for i in answer.json()] == [(1, "red", "open")]
        done = await client.post("/api/v1/incidents/1/acts", json={"action": "assign", "assignee": "li"})
        assert (done.status_code, done.json()["state"], done.json()["assignee"]) == (200, "dispatched", "li")
        one = (await client.get("/api/v1/incidents/1")).json()
        assert [(row["event"], row["who"]) for row in one["history"]][-1] == ("assigned", "token:platform")
        assert one["messages"][0]["attempts"][0]["outcome"] == "sent"
        board = (await client.get("/api/v1/board")).json()
        assert (board["live"], board["unanswered"]) == (2, 1)
        assert (await client.post("/api/v1/incidents/1/acts", json={"action": "close"})).status_code == 403
        assert (await client.post("/api/v1/incidents/9/acts", json={"action": "ack"})).status_code == 404
        assert (await client.post("/api/v1/incidents/1/acts", json={"action": "burn"})).status_code == 422
        assert (await client.post("/api/v1/incidents/1/acts", json={"action": "reopen"})).status_code == 403
        for path in ("messages", "duty", "accounts", "audit"):
            assert (await client.get(f"/api/v1/{path}")).status_code == 403
    async with program(office, Scope.INCIDENTS_WRITE, Scope.INCIDENTS_JUDGE) as client:
        assert (await client.post("/api/v1/incidents/1/acts", json={"action": "close"})).status_code == 200
        late = await client.post("/api/v1/incidents/1/acts", json={"action": "ack"})
        assert late.status_code == 409
        assert "possible: reopen" in late.json()["detail"]


async def test_severity_areas_and_photos_by_the_api(office: ConsoleOffice) -> None:
    await office.engine_says(change(), change(hazard=Hazard.TILTED, asset_id=LID_2, severity=Severity.ORANGE))
    scopes = (Scope.INCIDENTS_READ, Scope.INCIDENTS_WRITE, Scope.INCIDENTS_JUDGE)
    async with program(office, Scope.INCIDENTS_WRITE) as client:
        grade = {"severity": "red", "why": "x"}
        assert (await client.post("/api/v1/incidents/2/severity", json=grade)).status_code == 403
        photo = await client.post("/api/v1/incidents/2/photos", json={"reference": "p/1.jpg"})
        assert photo.status_code == 200
    async with program(office, *scopes) as client:
        graded = await client.post("/api/v1/incidents/2/severity", json=grade)
        assert (graded.json()["severity"], graded.json()["severity_set_by_person"]) == ("red", True)
        assert (await client.post("/api/v1/incidents/2/severity", json=grade)).status_code == 409
        area = (await client.post("/api/v1/incidents/merge", json={"ids": [1, 2], "why": "一处"})).json()
        assert (await client.post("/api/v1/incidents/merge", json={"ids": [98, 99]})).status_code == 404
        one = (await client.get("/api/v1/incidents/1")).json()
        assert one["area_incident_id"] == area["id"]
        assert one["deadlines"][0]["stage"] == "on_site"
        assert (await client.get(f"/api/v1/incidents/{area['id']}")).json()["members"] == [1, 2]
        listed = (await client.get("/api/v1/incidents?areas=true")).json()
        assert [i["id"] for i in listed] == [area["id"]]
        assert (await client.post("/api/v1/incidents/1/split", json={})).status_code == 200
        assert (await client.post("/api/v1/incidents/1/split", json={})).status_code == 409


async def test_a_viewer_cannot_acknowledge_by_the_api_and_nobody_without_the_pages_token(
    office: ConsoleOffice,
) -> None:
    await office.engine_says(change())
    act = {"action": "ack"}
    async with office.logged_in("viewer") as client:
        assert (await client.get("/api/v1/incidents")).status_code == 200
        assert (await client.post("/api/v1/incidents/1/acts", json=act)).status_code == 403
    async with office.logged_in("duty") as client:
        token = client.headers.pop("X-CSRF-Token")
        assert (await client.post("/api/v1/incidents/1/acts", json=act)).status_code == 403
        assert office.incidents()[0].state is State.OPEN
        headers = {"X-CSRF-Token": token}
        assert (await client.post("/api/v1/incidents/1/acts", json=act, headers=headers)).status_code == 200
    async with office.client() as stranger:
        assert (await stranger.get("/api/v1/incidents")).status_code == 401
        stranger.headers["Authorization"] = "Bearer jq_wrong"
        assert (await stranger.get("/api/v1/incidents")).status_code == 401
        assert (await stranger.get("/events")).status_code == 401


async def test_accounts_duty_messages_and_audit_can_be_had_by_programs(office: ConsoleOffice) -> None:
    await office.engine_says(change())
    scopes = (Scope.ACCOUNTS_WRITE, Scope.AUDIT_READ, Scope.ROSTER_READ, Scope.MESSAGES_READ)
    async with program(office, *scopes) as client:
        new = {"name": "neu", "role": "duty", "password": "quite-a-long-one", "person": "wang"}
        made = await client.post("/api/v1/accounts", json=new)
        assert (made.status_code, made.json()["role"], made.json()["person"]) == (201, "duty", "wang")
        assert "already" in (await client.post("/api/v1/accounts", json=new)).json()["detail"]
        changed = await client.patch("/api/v1/accounts/neu", json={"disabled": True, "person": ""})
        assert (changed.json()["disabled"], changed.json()["person"]) == (True, None)
        unknown = await client.patch("/api/v1/accounts/neu", json={"person": "ghost"})
        assert unknown.status_code == 422
        audit = (await client.get("/api/v1/audit?limit=2")).json()
        assert [(row["who"], row["action"]) for row in audit] == [
            ("token:platform", "account.change"),
            ("token:platform", "account.add"),
        ]
        assert (await client.get("/api/v1/duty")).json()[0]["people"] == ["张三"]
        assert (await client.get("/api/v1/messages?person=zhang")).json()[0]["state"] == "sent"


async def test_openapi_describes_the_api_and_not_the_pages(office: ConsoleOffice) -> None:
    async with office.client() as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert "/api/v1/incidents/{incident_id}/acts" in paths
    assert "/login" not in paths
    assert "/incidents/{incident_id}/act" not in paths


async def test_the_roster_is_read_and_changed_by_programs(office: ConsoleOffice) -> None:
    new = {
        "team": "lids",
        "from_at": "2026-09-24T20:00:00+08:00",
        "until_at": "2026-09-25T08:00:00+08:00",
        "people": ["li"],
        "why": "换班",
    }
    async with program(office, Scope.ROSTER_READ, Scope.ROSTER_WRITE) as client:
        made = await client.post("/api/v1/roster/overrides", json=new)
        assert (made.status_code, made.json()) == (201, {"id": 1})
        week = (await client.get("/api/v1/roster/week")).json()
        assert [piece["people"] for piece in week if piece["note"] == "换班"] == [["li"], ["li"]]
        assert [row["id"] for row in (await client.get("/api/v1/roster/overrides")).json()] == [1]
        assert (await client.delete("/api/v1/roster/overrides/1")).status_code == 204
        assert (await client.delete("/api/v1/roster/overrides/1")).status_code == 404
        backwards = new | {"until_at": new["from_at"]}
        assert (await client.post("/api/v1/roster/overrides", json=backwards)).status_code == 422
    async with program(office, Scope.ROSTER_READ) as client:
        assert (await client.post("/api/v1/roster/overrides", json=new)).status_code == 403
