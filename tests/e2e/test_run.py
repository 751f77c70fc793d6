"""`jingqiao run` with a real Mosquitto, a published stream, and a real HTTP receiver behind apprise."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually_now
from tests.support.http_fake import Answer, HttpFake
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_publisher import publish
from tests.support.office import Office, bodies, now_ms, reading

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker", persistent=True) as broker:
        yield broker


@pytest.fixture
def phone() -> Iterator[HttpFake]:
    with HttpFake(lambda request: Answer()) as phone:
        yield phone


@pytest.fixture
def office(tmp_path: Path, broker: Mosquitto, phone: HttpFake) -> Iterator[Office]:
    with Office(tmp_path / "office", broker.url, phone.url.replace("http://", "json://")) as office:
        yield office


def healthy_days(sensor: int, until_ms: int) -> list[tuple[str, bytes]]:
    """Ten quiet readings before now, so that there is a baseline."""
    return [reading(sensor, until_ms - 1000 * k, tilt_deg=0.5, battery_pct=90) for k in range(20, 0, -1)]


def send(broker: Mosquitto, messages: list[tuple[str, bytes]]) -> None:
    asyncio.run(publish(broker.port, messages))


def test_a_stolen_lid_is_on_the_duty_officers_phone_and_in_the_list(
    broker: Mosquitto, phone: HttpFake, office: Office
) -> None:
    office.start()
    now = now_ms()
    send(broker, healthy_days(1, now) + healthy_days(2, now))
    send(broker, [reading(1, now_ms(), tilt_deg=120.0, open=True)])
    eventually_now(lambda: phone.requests, 30)
    message = bodies(phone.requests)[0]
    assert "井盖缺失" in message["title"] + message["message"]
    assert "古城路" in message["message"]
    [incident] = office.incidents()
    assert {k: incident[k] for k in ("asset_id", "hazard", "severity", "state")} == {
        "asset_id": "4207040101000001",
        "hazard": "missing",
        "severity": "red",
        "state": "open",
    }
    assert office.command("incidents", "ack", str(incident["id"]), "--by", "张三").returncode == 0
    assert [(i["state"], i["acknowledged_by"]) for i in office.incidents()] == [("acknowledged", "张三")]
    assert 'jingqiao_alarm_changes_total{hazard="missing",state="firing"} 1.0' in office.metrics()
    assert office.stop() == 0


def test_a_mistake_in_what_is_sent_lies_in_the_dead_letters_and_harms_nobody(
    broker: Mosquitto, office: Office
) -> None:
    office.start()
    now = now_ms()
    send(
        broker,
        [
            ("jingqiao/v1/LID-003/readings", b"{not json"),
            reading(3, now, tilt_deg=999.0),
            reading(3, now + 600_000, tilt_deg=1.0),
            ("jingqiao/v1/STRANGER/readings", b'{"t": %d, "tilt_deg": 1}' % now),
            ("jingqiao/v1/LID-003/readings", b"[]"),
            reading(3, now, tilt_deg=1.0),
        ],
    )
    eventually_now(lambda: (office.health() or {}).get("readings") == 1, 20)
    done = office.command("dead-letters", "list", "--json")
    assert done.returncode == 0, done.stderr
    letters = json.loads(done.stdout)
    assert sorted(letter["reason"] for letter in letters) == [
        "clock",
        "empty",
        "json",
        "range",
        "unknown_sensor",
    ]


def test_a_broker_that_restarts_is_found_again_and_nothing_is_missed(
    broker: Mosquitto, phone: HttpFake, office: Office
) -> None:
    office.start()
    send(broker, healthy_days(4, now_ms()))
    broker.stop()
    eventually_now(lambda: not (office.health() or {"ok": True})["ok"], 20)
    broker.start()
    office.wait_until_well()
    send(broker, [reading(4, now_ms(), tilt_deg=120.0, open=True)])
    eventually_now(lambda: phone.requests, 30)
    assert [i["hazard"] for i in office.incidents()] == ["missing"]


def test_messages_sent_while_the_service_is_down_are_judged_when_it_is_back(
    broker: Mosquitto, phone: HttpFake, office: Office
) -> None:
    office.start()
    send(broker, healthy_days(5, now_ms()))
    eventually_now(lambda: (office.health() or {}).get("readings") == 20, 20)
    assert office.stop() == 0
    send(broker, [reading(5, now_ms(), tilt_deg=120.0, open=True)])
    office.start()
    eventually_now(lambda: phone.requests, 30)
    assert [i["asset_id"] for i in office.incidents()] == ["4207040101000005"]


def test_a_baseline_is_not_taken_anew_under_an_alarm_and_the_archive_is_asked_while_it_runs(
    broker: Mosquitto, phone: HttpFake, office: Office
) -> None:
    office.start()
    begin = now_ms()
    send(broker, healthy_days(6, begin))
    send(broker, [reading(6, now_ms(), tilt_deg=120.0, open=True)])
    eventually_now(lambda: phone.requests, 30)
    refused = office.command("devices", "rebaseline", "LID-006", "--why", "调整")
    assert refused.returncode == 1
    assert "--anyway" in refused.stderr
    assert office.command("devices", "rebaseline", "LID-006", "--why", "调整", "--anyway").returncode == 0

    def archived() -> bool:
        done = office.command("backtest", "--from", "2026-01-01T00:00:00Z", "-c", "jingqiao.toml", "--json")
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 0 and any(a["hazard"] == "missing" for a in json.loads(done.stdout))

    eventually_now(archived, 30, 0.5)
