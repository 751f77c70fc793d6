"""The running service with a real broker: what goes down, what is pushed, put through again, and reloaded."""

import asyncio
import base64
import io
import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest.envelopes.sparkplug_payload import PayloadMessage, parse
from ingest.log import Control
from ingest.sqlite_log import read_records
from tests.support.eventually import eventually_now
from tests.support.http_fake import Answer, HttpFake
from tests.support.listener import Listener
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_publisher import publish
from tests.support.office import COVERS, Office, now_ms, reading

pytestmark = pytest.mark.mosquitto

DOUBLE = 10
TOKEN = "0123456789abcdef-secret"
RULES = """
[lid]
commission_readings = 3
commission_hours = 0
[alarms.holds.tilted]
for_s = 0
[alarms.holds.missing]
for_s = 0
"""


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
    receiver = phone.url.replace("http://", "json://")
    with Office(
        tmp_path / "office", broker.url, receiver, rules=RULES, extra="tick_s = 0.2\nsnapshot_s = 0.3"
    ) as office:
        with office.settings_file.open("a", encoding="utf-8") as file:
            file.write(f'ctwing_token = "{TOKEN}"\n')
        yield office


def send(broker: Mosquitto, *messages: tuple[str, bytes]) -> None:
    asyncio.run(publish(broker.port, messages))


def post(office: Office, body: bytes, token: str = TOKEN) -> int:
    url = f"http://127.0.0.1:{office.http_port}/api/v1/ctwing?token={token}"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def own_token(office: Office) -> str:
    """What the service's own commands show it."""
    return (office.folder / "data" / "commands.key").read_bytes().hex()


def archived(office: Office, sensor_id: str) -> list[dict[str, Any]]:
    """The readings that the archive has of a sensor."""
    url = f"http://127.0.0.1:{office.http_port}/api/v1/readings?since=0&until=9000000000000000&sensor={sensor_id}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {own_token(office)}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return list(pa.ipc.open_stream(io.BytesIO(answer.read())).read_all().to_pylist())


def answer_to(url: str, token: str | None) -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def calm(sensor: int, tilt_deg: float = 0.5) -> list[tuple[str, bytes]]:
    """Enough quiet readings for a baseline."""
    return [reading(sensor, now_ms() - 1000 * k, tilt_deg=tilt_deg, battery_pct=90) for k in range(9, 0, -1)]


def hazards(office: Office) -> list[tuple[str, str]]:
    return sorted((i["asset_id"][-4:], i["hazard"]) for i in office.incidents())


def ctwing(sensor_id: str, at_ms: int, number: int, **values: Any) -> dict[str, Any]:
    return {
        "deviceId": sensor_id,
        "messageType": "dataReport",
        "timestamp": at_ms,
        "upPacketSN": number,
        "payload": {"serviceId": 1, "serviceData": values},
    }


def test_a_push_of_ctwing_rings_once_however_often_it_is_pushed(
    broker: Mosquitto, phone: HttpFake, office: Office
) -> None:
    office.start()
    send(broker, *calm(1))
    eventually_now(lambda: len(archived(office, "LID-001")) == 9, 20)
    stolen = json.dumps(ctwing("LID-001", now_ms(), 7, tilt_deg=120.0, open=1)).encode()
    assert post(office, stolen, "wrong") == 401
    assert [post(office, stolen) for _ in range(3)] == [200, 200, 200]
    eventually_now(lambda: phone.requests, 20)
    eventually_now(lambda: len(archived(office, "LID-001")) == 10, 20)
    assert hazards(office) == [("0001", "missing")]
    assert post(office, b"x" * (256 * 1024 + 1)) == 413
    assert post(office, b"{no json") == 200
    listed = office.command("dead-letters", "list", "--json")
    assert [letter["topic"] for letter in json.loads(listed.stdout)] == ["ctwing/"]
    assert [row["tilt_deg"] for row in archived(office, "LID-001")] == [0.5] * 9 + [120.0]
    assert office.stop() == 0


def sparkplug(
    kind: str, seq: int, *metrics: dict[str, Any], device: str = "", at_ms: int
) -> tuple[str, bytes]:
    payload = PayloadMessage(timestamp=at_ms, seq=seq)
    for fields in metrics:
        payload.metrics.add(**fields)
    return f"spBv1.0/east/{kind}/gate" + (f"/{device}" if device else ""), payload.SerializeToString()


def test_a_sparkplug_node_is_asked_for_its_birth_and_then_understood(
    broker: Mosquitto, office: Office
) -> None:
    office.start()
    with Listener(broker.port, "spBv1.0/+/NCMD/+") as node:
        at = now_ms()
        send(
            broker,
            sparkplug("DDATA", 5, {"alias": 1, "double_value": 1.5}, device="LID-002", at_ms=at - 3000),
        )
        eventually_now(lambda: node.heard, 20)
        topic, payload = node.heard[0]
        assert topic == "spBv1.0/east/NCMD/gate"
        assert [(m.name, m.value) for m in parse(payload).metrics] == [("Node Control/Rebirth", True)]
        tilt = {"name": b"tilt_deg", "alias": 1, "datatype": DOUBLE, "double_value": 0.5}
        send(
            broker,
            sparkplug("NBIRTH", 0, {"name": b"bdSeq", "long_value": 0}, at_ms=at - 2000),
            sparkplug("DBIRTH", 1, tilt, device="LID-002", at_ms=at - 2000),
            sparkplug("DDATA", 2, {"alias": 1, "double_value": 2.5}, device="LID-002", at_ms=at - 1000),
        )
        eventually_now(lambda: len(archived(office, "LID-002")) == 2, 20)
        assert [row["tilt_deg"] for row in archived(office, "LID-002")] == [0.5, 2.5]
        assert len(node.heard) == 1


def commands(office: Office) -> dict[str, tuple[str, str]]:
    done = office.command("devices", "commands", "--json")
    assert done.returncode == 0, done.stderr
    return {row["sensor_id"]: (row["state"], row["answer"]) for row in json.loads(done.stdout)}


def add_milesight(office: Office) -> str:
    eui = "24e124126a148401"
    office.start()
    added = office.command("devices", "add", eui, "4207040101000007", "--model", "em320-tilt")
    assert added.returncode == 0, added.stderr
    return eui


def test_the_rules_are_told_what_a_gateway_is_called(broker: Mosquitto, office: Office) -> None:
    eui = add_milesight(office)
    data = base64.b64encode(bytes.fromhex("01755c03d4000001005046")).decode()
    uplink = {
        "deviceInfo": {"devEui": eui, "deviceName": "lid"},
        "fPort": 85,
        "data": data,
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -48}],
    }

    def names() -> list[str]:
        send(broker, (f"application/9/device/{eui}/event/up", json.dumps(uplink).encode()))
        records = read_records(office.folder / "data" / "log.sqlite", 0, 10_000)
        return [r.payload["gateway_id"] for _, r in records if isinstance(r, Control) and r.name == "gateway"]

    assert eventually_now(names, 20, 0.2) == ["0016c001f153a14c"]


def test_a_command_goes_down_and_its_answer_comes_back(broker: Mosquitto, office: Office) -> None:
    eui = add_milesight(office)
    with Listener(broker.port, "jingqiao/v1/+/command", "application/+/device/+/command/down") as devices:
        interval = ("--set", "report_interval_s=600")
        done = office.command("devices", "command", "LID-003", *interval, "--json")
        native_id = json.loads(done.stdout)["id"]
        done = office.command("devices", "command", eui, *interval, "--application", "9", "--json")
        lora_id = json.loads(done.stdout)["id"]
        refused = office.command("devices", "command", "LID-004", *interval, "--json")
        refused_id = json.loads(refused.stdout)["id"]
        eventually_now(lambda: len(devices.heard) == 3, 20)
        heard = {topic: json.loads(payload) for topic, payload in devices.heard}
        assert heard["jingqiao/v1/LID-003/command"] == {"id": native_id, "set": {"report_interval_s": 600}}
        downlink = heard[f"application/9/device/{eui}/command/down"]
        assert downlink["id"] == lora_id
        assert base64.b64decode(downlink["data"]) == bytes.fromhex("ff035802")
        eventually_now(lambda: {s for s, _ in commands(office).values()} == {"sent"}, 20)
        status = {"state": "online", "t": now_ms()}
        send(
            broker,
            ("jingqiao/v1/LID-003/status", json.dumps({**status, "ack": native_id}).encode()),
            (
                "jingqiao/v1/LID-004/status",
                json.dumps({**status, "ack": refused_id, "refused": "too often"}).encode(),
            ),
            (
                f"application/9/device/{eui}/event/ack",
                json.dumps({"queueItemId": lora_id, "acknowledged": True}).encode(),
            ),
        )
        expected = {"LID-003": ("acked", ""), eui: ("acked", ""), "LID-004": ("refused", "too often")}
        eventually_now(lambda: commands(office) == expected, 20)
        assert len(devices.heard) == 3


def test_what_an_unknown_sensor_sent_is_history_once_it_is_bound_and_pages_nobody(
    broker: Mosquitto, phone: HttpFake, office: Office
) -> None:
    office.start()
    at = now_ms()

    def stranger(t: int, tilt_deg: float) -> tuple[str, bytes]:
        return "jingqiao/v1/STRANGER/readings", json.dumps({"t": t, "tilt_deg": tilt_deg}).encode()

    send(broker, *(stranger(at - 1000 * k, 120.0) for k in range(20, 0, -1)))
    eventually_now(lambda: "unknown_sensor" in office.metrics(), 20)
    bound = office.command("devices", "bind", "STRANGER", "4207040101000009", "--model", "native")
    assert bound.returncode == 0, bound.stderr
    eventually_now(lambda: len(archived(office, "STRANGER")) == 20, 30)
    rows = archived(office, "STRANGER")
    assert [int(row["t"].timestamp() * 1000) for row in rows] == [at - 1000 * k for k in range(20, 0, -1)]

    def retried() -> bool:
        letters = json.loads(office.command("dead-letters", "list", "--json").stdout)
        return all(letter["retried"] is not None for letter in letters)

    eventually_now(retried, 20)
    send(broker, *(stranger(now_ms() + k, 0.5) for k in range(5)), *calm(9))
    eventually_now(lambda: len(archived(office, "STRANGER")) == 25, 20)
    stolen_at = now_ms() + 100
    send(broker, stranger(stolen_at, 120.0), reading(9, stolen_at, tilt_deg=120.0, open=True))
    eventually_now(lambda: phone.requests, 20)
    [incident] = office.incidents()
    assert (incident["asset_id"][-4:], incident["hazard"]) == ("0009", "missing")
    assert datetime.fromisoformat(incident["event_at"]).timestamp() * 1000 >= stolen_at


def test_rules_and_roster_are_taken_from_their_files_without_a_restart(
    broker: Mosquitto, phone: HttpFake, office: Office
) -> None:
    office.start()
    send(broker, *calm(5), *calm(6), reading(5, now_ms(), tilt_deg=7.0))
    eventually_now(lambda: len(archived(office, "LID-005")) == 10, 20)
    (office.folder / "rules.toml").write_text("[lid]\ntilt_attention_deg = 99\nno_such = 1\n", "utf-8")
    eventually_now(lambda: "the rules file is faulty" in office.log(), 20)
    assert any("rules.toml" in problem for problem in (office.health() or {})["problems"])
    assert "no_such" in office.log()
    roster = (office.folder / "roster.toml").read_text("utf-8")
    (office.folder / "roster.toml").write_text(roster.replace("/zhang", "/li"), "utf-8")
    (office.folder / "rules.toml").write_text(
        RULES.replace("[lid]", "[lid]\ntilt_attention_deg = 5"), "utf-8"
    )
    eventually_now(lambda: "rules taken from the changed file" in office.log(), 20)
    eventually_now(lambda: "roster taken from the changed file" in office.log(), 20)
    assert (office.health() or {})["problems"] == []
    assert hazards(office) == []
    for k in range(3):
        send(broker, reading(6, now_ms() + k, tilt_deg=7.0))
    eventually_now(lambda: ("0006", "tilted") in hazards(office), 20)
    eventually_now(lambda: phone.requests, 20)
    assert {request.path for request in phone.requests} == {"/li"}
    known = hazards(office)
    taken = office.log().count("roster taken")
    assert office._process is not None
    office._process.send_signal(signal.SIGHUP)
    eventually_now(lambda: office.log().count("roster taken") > taken, 20)
    office.kill()
    office.start()
    send(broker, reading(7, now_ms(), tilt_deg=0.5), reading(6, now_ms() + 50, tilt_deg=7.0))
    eventually_now(lambda: (office.health() or {}).get("readings") == 2, 20)
    assert hazards(office) == known


def test_a_learned_baseline_is_in_the_dossier_and_is_taken_anew_when_asked(
    broker: Mosquitto, office: Office
) -> None:
    def baselines() -> list[float]:
        done = office.command("assets", "show", "4207040101000008", "--json")
        return [row["value"] for row in json.loads(done.stdout)["baselines"]]

    office.start()
    send(broker, *calm(8, 0.5))
    eventually_now(lambda: baselines() == [0.5], 30)
    done = office.command("devices", "rebaseline", "LID-008", "--why", "井盖重新安装")
    assert done.returncode == 0, done.stderr

    def newer() -> bool:
        send(broker, reading(8, now_ms(), tilt_deg=3.0))
        return baselines() == [0.5, 3.0]

    eventually_now(newer, 30)


def test_readings_are_given_only_to_tokens_with_their_scope_and_to_the_services_own_commands(
    office: Office,
) -> None:
    office.start()
    issued = office.command("tokens", "add", "twin-city", "--scope", "readings:read", "--json")
    other = office.command("tokens", "add", "other", "--scope", "cap:read", "--json")
    own = own_token(office)
    for what in ("readings?", "strain-blocks?sensor=LID-001&", "block-hours?sensor=LID-001&"):
        url = f"http://127.0.0.1:{office.http_port}/api/v1/{what}since=0&until=1"
        asked = {
            "nobody": answer_to(url, None),
            "a stranger": answer_to(url, "jq_" + "0" * 43),
            "another scope": answer_to(url, json.loads(other.stdout)["token"]),
            "its scope": answer_to(url, json.loads(issued.stdout)["token"]),
            "an own command": answer_to(url, own),
        }
        assert asked == {
            "nobody": 401,
            "a stranger": 401,
            "another scope": 403,
            "its scope": 200,
            "an own command": 200,
        }


def test_a_device_that_joins_says_its_firmware_and_it_is_known_after_a_crash(
    broker: Mosquitto, office: Office
) -> None:
    eui = "24e1247130000001"
    with (office.folder / "sensors.csv").open("a", encoding="utf-8") as file:
        file.write(f"{eui},4207040101000009,em320-tilt,lid,21600\n")
    join = {
        "time": "2026-01-02T08:00:00+00:00",
        "deviceInfo": {"devEui": eui},
        "fPort": 85,
        "data": base64.b64encode(bytes.fromhex("ff0101ff166742d19048220011ff090310ff0a0110")).decode(),
    }

    def told() -> list[dict[str, Any]]:
        return list(json.loads(office.command("devices", "versions", eui, "--json").stdout))

    office.start()
    send(
        broker,
        (f"application/1/device/{eui}/event/up", json.dumps(join).encode()),
        ("jingqiao/v1/LID-001/status", b'{"state":"online","firmware":"2.0"}'),
    )
    eventually_now(lambda: told()[0]["firmware"], 20)
    office.kill()
    office.start()
    assert told() == [
        {
            "sensor_id": eui,
            "asset_id": "4207040101000009",
            "model": "em320-tilt",
            "firmware": "v1.10",
            "hardware": "v3.1",
            "serial_number": "6742d19048220011",
            "said_at": "2026-01-02T08:00:00Z",
        }
    ]
    counted = json.loads(office.command("devices", "firmware", "--json").stdout)
    assert [(row["model"], row["firmware"], row["sensors"]) for row in counted] == [
        ("em320-tilt", "v1.10", 1),
        ("native", "2.0", 1),
        ("native", "", COVERS - 1),
    ]
    assert "未报告" in office.command("devices", "firmware").stdout
    issued = office.command("tokens", "add", "updater", "--scope", "assets:read", "--json")
    url = f"http://127.0.0.1:{office.http_port}/api/v1/devices?firmware=v1.10"
    token = json.loads(issued.stdout)["token"]
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert [row["sensor_id"] for row in json.load(answer)] == [eui]
    assert office.stop() == 0
