"""A crew opens a lid under its permit: the running service keeps that back, on record, over a kill."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually_now
from tests.support.http_fake import Answer, HttpFake
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_publisher import publish
from tests.support.office import Office, bodies, now_ms, reading

pytestmark = pytest.mark.mosquitto

WORK_S = 45
CREWS, FORGOTTEN, OTHERS = 1, 2, 3
LIDS = {sensor: f"42070401010{sensor:05d}" for sensor in (CREWS, FORGOTTEN, OTHERS)}


def permits(office: Office, *arguments: str) -> list[dict[str, Any]]:
    """`jingqiao permits list --all --json`, by number."""
    done = office.command("permits", "list", "--all", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return sorted(json.loads(done.stdout), key=lambda permit: permit["id"])


def test_what_a_permit_mutes_is_on_record_over_a_kill_and_what_stands_at_its_end_rings(
    tmp_path: Path,
) -> None:
    with (
        Mosquitto(tmp_path / "broker", persistent=True) as broker,
        HttpFake(lambda request: Answer()) as phone,
        Office(
            tmp_path / "office",
            broker.url,
            phone.url.replace("http://", "json://"),
            extra="snapshot_s = 1.0\ntick_s = 0.2",
            rules="[alarms.holds.missing]\nfor_s = 1\nclear_for_s = 1\n",
        ) as office,
    ):

        def send(*messages: tuple[str, bytes]) -> None:
            asyncio.run(publish(broker.port, list(messages)))

        office.start()
        now = now_ms()
        send(*(reading(s, now - 1000 * k, tilt_deg=0.5, open=False) for s in LIDS for k in range(20, 0, -1)))
        soon = datetime.now(UTC) + timedelta(seconds=WORK_S)
        for sensor, end in ((CREWS, "+1h"), (FORGOTTEN, soon.isoformat(timespec="seconds"))):
            done = office.command("permits", "add", LIDS[sensor], "--to", end, "--note", "清淤")
            assert done.returncode == 0, done.stderr
        eventually_now(lambda: all(permit["in_force"] for permit in permits(office)), 30)

        send(*(reading(sensor, now_ms(), tilt_deg=120.0, open=True) for sensor in LIDS))
        eventually_now(lambda: [permit["muted_count"] for permit in permits(office)] == [1, 1], 30)
        eventually_now(lambda: phone.requests, 30)
        assert [incident["asset_id"] for incident in office.incidents()] == [LIDS[OTHERS]]
        office.kill()
        office.start()
        send(reading(CREWS, now_ms(), tilt_deg=0.5, open=False))
        send(reading(CREWS, now_ms() + 1, tilt_deg=0.5, open=False))

        def crews() -> dict[str, Any]:
            (kept,) = permits(office, "--asset", LIDS[CREWS])
            done = office.command("permits", "show", str(kept["id"]), "--json")
            (muted,) = json.loads(done.stdout)["muted"]
            return dict(muted)

        eventually_now(lambda: crews()["to"], 30)
        assert (crews()["hazard"], crews()["severity"]) == ("missing", "red")
        eventually_now(lambda: len(office.incidents()) == 2, 2 * WORK_S)
        assert {incident["asset_id"] for incident in office.incidents()} == {LIDS[FORGOTTEN], LIDS[OTHERS]}
        assert [(p["muted_count"], p["muted"]) for p in permits(office)] == [(1, []), (1, [])]
        told = {body["title"] + body["message"] for body in bodies(phone.requests)}
        assert not any("古城路1号" in words for words in told), "the crew's lid rang nowhere"
        assert "直到作业结束" in office.command("permits", "show", str(permits(office)[1]["id"])).stdout
        assert office.stop() == 0
