"""Commands down: queued, sent, answered or timed out, and never sent twice."""

from __future__ import annotations

import base64
import json

import pytest

from jingqiao.commands.payloads import CommandError, milesight_bytes, native_command
from jingqiao.commands.queue import (
    answer_of,
    cancel,
    due_commands,
    enqueue,
    listed,
    mark_acked,
    mark_sent,
    take_answers,
)
from jingqiao.database import reading
from jingqiao.dossier.entries import UnknownSensorError
from tests.support.city import T0, small_city

S = 1_000_000


@pytest.fixture
def database(tmp_path):
    with small_city(tmp_path) as engine:
        yield engine


def states(database) -> list[str]:
    with reading(database) as connection:
        return [row["state"] for row in listed(connection)]


def test_a_native_command_is_published_once_and_acknowledged_by_its_status(database):
    command_id = enqueue(database, "g1", {"report_interval_s": 600}, at=T0, who="li")
    (due,) = due_commands(database, T0 + S)
    assert due.topic == "jingqiao/v1/g1/command"
    assert json.loads(due.payload) == {"id": command_id, "set": {"report_interval_s": 600}}
    mark_sent(database, due.command_id, T0 + S)
    assert due_commands(database, T0 + 2 * S) == []
    status = json.dumps({"state": "online", "t": 1, "ack": command_id}).encode()
    assert take_answers(database, [("jingqiao/v1/g1/status", status)], T0 + 3 * S) == 1
    assert states(database) == ["acked"]
    assert take_answers(database, [("jingqiao/v1/g1/status", status)], T0 + 4 * S) == 0


def test_a_milesight_command_is_a_confirmed_chirpstack_downlink(database):
    command_id = enqueue(
        database,
        "s1",
        {"report_interval_s": 1200},
        at=T0,
        who="li",
        application="7",
        dev_eui="24E124126A148401",
    )
    (due,) = due_commands(database, T0)
    assert due.topic == "application/7/device/24e124126a148401/command/down"
    body = json.loads(due.payload)
    assert base64.b64decode(body.pop("data")) == bytes.fromhex("ff03b004")
    assert body == {"id": command_id, "devEui": "24e124126a148401", "confirmed": True, "fPort": 85}
    mark_sent(database, command_id, T0)
    ack = json.dumps({"queueItemId": command_id, "acknowledged": False}).encode()
    take_answers(database, [("application/7/device/24e124126a148401/event/ack", ack)], T0 + S)
    assert states(database) == ["refused"]


def test_the_address_of_the_last_downlink_is_remembered(database):
    with pytest.raises(CommandError, match="application"):
        enqueue(database, "s1", {"report_interval_s": 600}, at=T0, who="li")
    enqueue(
        database,
        "s1",
        {"report_interval_s": 600},
        at=T0,
        who="li",
        application="7",
        dev_eui="24e124126a148401",
    )
    enqueue(database, "s1", {"report_interval_s": 700}, at=T0 + 1, who="li")
    assert len({due.topic for due in due_commands(database, T0 + 2)}) == 1


def test_a_command_without_answer_times_out_and_a_late_answer_still_counts(database):
    command_id = enqueue(database, "g1", {"x": 1}, at=T0, who="li", timeout_s=60)
    mark_sent(database, command_id, T0)
    due_commands(database, T0 + 59 * S)
    assert states(database) == ["sent"]
    due_commands(database, T0 + 60 * S)
    assert states(database) == ["timed_out"]
    assert mark_acked(database, command_id, T0 + 61 * S)
    assert states(database) == ["acked"]


def test_a_command_that_was_never_sent_times_out_too(database):
    enqueue(database, "g1", {"x": 1}, at=T0, who="li", timeout_s=60)
    assert due_commands(database, T0 + 60 * S) == []
    assert states(database) == ["timed_out"]


def test_a_command_can_be_withdrawn_until_it_is_sent(database):
    first = enqueue(database, "g1", {"x": 1}, at=T0, who="li")
    second = enqueue(database, "g1", {"x": 2}, at=T0 + 1, who="li")
    assert not cancel(database, "", T0 + 2)
    assert cancel(database, first[:8], T0 + 2)
    mark_sent(database, second, T0 + 3)
    assert not cancel(database, second, T0 + 4)
    assert states(database) == ["sent", "cancelled"]


def test_an_unknown_sensor_or_an_empty_setting_is_refused(database):
    with pytest.raises(UnknownSensorError):
        enqueue(database, "nobody", {"x": 1}, at=T0, who="li")
    with pytest.raises(CommandError):
        enqueue(database, "g1", {}, at=T0, who="li")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"report_interval_s": 600}, "ff035802"),
        ({"threshold_tilt_x_deg": 10}, "ff060c18fce80301000100"),
        ({"threshold_tilt_z_deg": 0}, "ff06180000000001000100"),
        ({"report_interval_s": 60, "threshold_tilt_y_deg": 5.5}, "ff033c00ff0614dafd260201000100"),
    ],
)
def test_milesights_bytes_are_those_of_its_guide(settings, expected):
    assert milesight_bytes("em310-tilt", settings).hex() == expected


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("em310-tilt", {}),
        ("em310-tilt", {"report_interval_s": 0}),
        ("em310-tilt", {"report_interval_s": 64801}),
        ("em310-tilt", {"report_interval_s": 60.5}),
        ("em310-tilt", {"report_interval_s": True}),
        ("em310-tilt", {"threshold_tilt_x_deg": 91}),
        ("em310-tilt", {"colour": 1}),
        ("em500-swl", {"report_interval_s": 59}),
        ("em500-swl", {"threshold_tilt_x_deg": 10}),
        ("dc410", {"report_interval_s": 600}),
    ],
)
def test_what_a_model_cannot_do_is_refused_before_it_is_sent(model, settings):
    with pytest.raises(CommandError):
        milesight_bytes(model, settings)


@pytest.mark.parametrize(
    "settings", [{"Report": 1}, {"report_interval_s": 0}, {"report_interval_s": "x"}, {"v": float("nan")}]
)
def test_a_native_setting_that_cannot_be_is_refused(settings):
    with pytest.raises(CommandError):
        native_command("g1", "1", settings)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("jingqiao/v1/g1/status", b"{"),
        ("jingqiao/v1/g1/status", b"[]"),
        ("jingqiao/v1/g1/status", b'{"state":"online"}'),
        ("jingqiao/v1/g1/status", b'{"ack":7}'),
        ("jingqiao/v1/g1/readings", b'{"ack":"7"}'),
        ("application/1/device/ff/event/up", b'{"queueItemId":"7"}'),
        ("application/1/device/ff/event/ack", b"\xff"),
        ("jingqiao/v1/g1/status", b"[" * 100_000),
    ],
)
def test_other_messages_are_no_answers(topic, payload):
    assert answer_of(topic, payload) is None
