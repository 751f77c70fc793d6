"""An act and its row of the audit log are one: neither is ever there without the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jingqiao.accounts import audit
from jingqiao.accounts.audit import entries
from jingqiao.database import reading
from jingqiao.dossier.tables import entry
from jingqiao.drills.tables import drill
from jingqiao.roster.tables import roster_override
from rules.alarm import Hazard, Severity
from tests.support.city_console import CityOffice
from tests.support.response import BRIDGE, LID, LID_2, change

SWAP = {
    "team": "lids",
    "one": "zhang",
    "from": "2026-09-24T20:00",
    "to": "2026-09-25T08:00",
    "other": "li",
    "back_from": "2026-09-26T20:00",
    "back_to": "2026-09-27T08:00",
}
ACTS: list[tuple[str, dict[str, Any], str]] = [
    ("/incidents/1/act", {"action": "ack"}, "incident.ack"),
    (
        "/incidents/1/severity",
        {"severity": str(int(Severity.ORANGE)), "why": "现场查看"},
        "incident.severity",
    ),
    ("/incidents/1/photo", {"reference": "P1.jpg"}, "incident.photo"),
    ("/incidents/1/merge", {"other": "2"}, "incident.merge"),
    ("/drills", {"team": "lids", "minutes": "10"}, "drill.start"),
    (f"/assets/{LID}/entries", {"what": "inspection", "text": "完好"}, "asset.entry"),
    (
        f"/bridges/{BRIDGE}/works",
        {"begin": "2026-09-24T20:00", "end": "2026-09-25T08:00", "why": "换支座"},
        "bridge.intervention",
    ),
    (
        "/roster/overrides",
        {"team": "lids", "from": "2026-09-24T20:00", "to": "2026-09-25T08:00", "person": "li"},
        "roster.override",
    ),
]


@pytest.fixture
async def office(tmp_path: Path) -> Any:
    made = CityOffice(tmp_path)
    made.add_accounts()
    await made.engine_says(
        change(),
        change(hazard=Hazard.TILTED, severity=Severity.ORANGE, asset_id=LID_2, value=14.0, limit=10.0),
    )
    yield made
    made.close()


def state_of(office: CityOffice) -> dict[str, Any]:
    """Everything that those acts change."""
    with reading(office.database) as connection:
        counts = {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (entry, drill, roster_override, audit.audit)
        }
    incidents = [(i.id, i.state, i.severity, i.parent_id, i.changed_at) for i in office.incidents()]
    return {**counts, "incidents": incidents}


@pytest.mark.parametrize(("path", "data", "action"), ACTS, ids=[action for _, _, action in ACTS])
async def test_what_cannot_be_audited_is_not_done(
    office: CityOffice, path: str, data: dict[str, Any], action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office.logged_in("supervisor") as client:
        before = state_of(office)
        with monkeypatch.context() as broken:

            def fails(*_: object, **__: object) -> None:
                raise RuntimeError("the audit log is full")

            broken.setattr(audit, "note", fails)
            with pytest.raises(RuntimeError, match="the audit log is full"):
                await client.post(path, data=data)
        assert state_of(office) == before
        assert (await client.post(path, data=data)).status_code in (200, 303)
    with reading(office.database) as connection:
        assert entries(connection, 1)[0]["action"] == action
    assert state_of(office) != before


async def test_a_swap_both_ways_is_one_act(office: CityOffice) -> None:
    async with office.logged_in("supervisor") as client:
        impossible = SWAP | {"back_from": "2026-09-27T08:00", "back_to": "2026-09-26T20:00"}
        before = state_of(office)
        assert (await client.post("/roster/swaps", data=impossible)).status_code == 422
        assert (await client.post("/roster/swaps", data=SWAP | {"back_to": ""})).status_code == 422
        assert state_of(office) == before, "neither way is done where one cannot be"
    async with office.logged_in("duty") as client:
        assert (await client.post("/roster/swaps", data=SWAP)).status_code == 403
