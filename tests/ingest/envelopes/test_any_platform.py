"""What holds for every platform: nothing raises, every message has one end, batching changes nothing."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.registry import Registry
from ingest.envelopes.catalogue import Decoder, routes
from ingest.envelopes.sparkplug import SparkplugDecoder
from ingest.envelopes.sparkplug_payload import PayloadMessage
from ingest.message import DecodedBatch, Message

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "envelopes"
RECEIVED = 1_700_000_000_000_000
EUI = "24e1247130000001"
REGISTRY = Registry.of([], [{"sensor_id": EUI, "model": "em320-tilt"}, {"sensor_id": "d", "model": "native"}])

TILT = base64.b64encode(bytes.fromhex("01755c03d4000001005046")).decode()
GOOD: dict[str, tuple[str, Any]] = {
    "application": (
        f"application/a/device/{EUI}/event/up",
        {"deviceInfo": {"devEui": EUI}, "time": "2023-11-14T22:00:00Z", "fCnt": 1, "fPort": 85, "data": TILT},
    ),
    "v3": (
        "v3/a@t/devices/d/up",
        {
            "end_device_ids": {"device_id": "d", "dev_eui": EUI.upper()},
            "uplink_message": {"frm_payload": TILT, "f_cnt": 3, "rx_metadata": [{"rssi": -3, "snr": 1.5}]},
        },
    ),
    "$sys": (
        "$sys/p/d/thing/property/post",
        {"params": {"tilt_deg": {"value": 3, "time": 1_699_999_999_000}}},
    ),
    "ctwing": (
        "ctwing/d",
        {"deviceId": EUI, "timestamp": 1_699_999_999_000, "payload": {"APPdata": TILT}},
    ),
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, good: Any) -> Any:
    """A body with one of its parts replaced by something else, or left out."""
    if isinstance(good, dict) and good and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(good)))
        body = dict(good)
        if draw(st.integers(0, 4)):
            body[key] = draw(damaged(good[key]))
        else:
            del body[key]
        return body
    if isinstance(good, int) and draw(st.booleans()):
        return good + draw(st.sampled_from([-(2**70), -(2**31), -1, 1, 10**6, 2**31, 2**53, 2**63, 2**70]))
    return draw(JSON)


def ends(batch: DecodedBatch, messages: list[Message]) -> None:
    """No message is lost, and none makes the frame unfit."""
    assert len(batch.dead_letters) <= len(messages)
    assert (batch.frame.sensor >= 0).all()
    assert (np.diff(batch.frame.received) >= 0).all()
    for letter in batch.dead_letters:
        assert letter.reason
        assert letter.detail
        assert "\n" not in letter.detail


def decoder(level: str) -> Decoder:
    return routes(SparkplugDecoder())[level]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_damaged_message_never_raises_and_never_harms_its_neighbours(
    level: str, data: st.DataObject
) -> None:
    topic, body = GOOD[level]
    whole = Message(topic, json.dumps(body).encode(), RECEIVED)
    bad = Message(topic, json.dumps(data.draw(damaged(body))).encode(), RECEIVED)
    batch = decoder(level)([whole, bad, whole], REGISTRY)
    ends(batch, [whole, bad, whole])
    alone = decoder(level)([whole], REGISTRY)
    assert len(alone.frame) == 1
    for i in (0, -1):
        assert batch.frame.sensor[i] == alone.frame.sensor[0]
        assert batch.frame.time[i] == alone.frame.time[0]
        for name, column in alone.frame.columns.items():
            np.testing.assert_array_equal(batch.frame.columns[name][i], column[0])


@pytest.mark.parametrize("level", sorted(GOOD))
def test_text_that_is_no_utf8_is_a_dead_letter(level: str) -> None:
    topic, body = GOOD[level]
    text = json.dumps(body).encode()
    for old, new in ((EUI.encode(), b"\xed\xa0\x80"), (b'"d"', b'"\xff"'), (b"tilt_deg", b"\xc0")):
        if old in text:
            batch = decoder(level)([Message(topic, text.replace(old, new), RECEIVED)], REGISTRY)
            assert [letter.reason for letter in batch.dead_letters] == ["json"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_flipped_bytes_of_a_message_never_raise(level: str, data: st.DataObject) -> None:
    topic, body = GOOD[level]
    text = bytearray(json.dumps(body).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    messages = [Message(topic, bytes(text), RECEIVED)]
    ends(decoder(level)(messages, REGISTRY), messages)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([*sorted(GOOD), "spBv1.0"]), st.lists(st.binary(max_size=40), max_size=4), st.data())
def test_no_bytes_on_no_topic_raise(level: str, payloads: list[bytes], data: st.DataObject) -> None:
    rest = data.draw(st.sampled_from(["/a", "/g/NDATA/n", "/g/DBIRTH/n/d", "/p/d/dp/post/json", "", "//"]))
    messages = [Message(level + rest, payload, RECEIVED) for payload in payloads]
    ends(decoder(level)(messages, REGISTRY), messages)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH"]),
            st.integers(0, 300) | st.none(),
            st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "name": st.sampled_from([b"tilt_deg", b"open", b"bdSeq", b"", b"other", b"\xff"]),
                        "alias": st.integers(0, 3),
                        "timestamp": st.sampled_from([0, 1_700_000_000_000, 2**64 - 1]),
                        "datatype": st.integers(0, 40),
                        "is_null": st.booleans(),
                        "int_value": st.integers(0, 2**32 - 1),
                    },
                ),
                max_size=3,
            ),
        ),
        max_size=8,
    ),
    st.data(),
)
def test_no_order_of_sparkplug_messages_raises_and_batching_changes_nothing(
    script: list[tuple[str, int | None, list[dict[str, Any]]]], data: st.DataObject
) -> None:
    messages = []
    for kind, seq, metrics in script:
        payload = PayloadMessage(timestamp=1_700_000_000_000)
        if seq is not None:
            payload.seq = seq
        for fields in metrics:
            payload.metrics.add(**fields)
        topic = f"spBv1.0/g/{kind}/n" + ("/d" if kind.startswith("D") else "")
        messages.append(Message(topic, payload.SerializeToString(), RECEIVED))
    cut = data.draw(st.integers(0, len(messages)))
    whole, halves = SparkplugDecoder(), SparkplugDecoder()
    one = whole(messages, REGISTRY)
    ends(one, messages)
    parts = [halves(messages[:cut], REGISTRY), halves(messages[cut:], REGISTRY)]
    assert len(one.frame) == sum(len(part.frame) for part in parts)
    assert one.dead_letters == (*parts[0].dead_letters, *parts[1].dead_letters)
    assert one.presence == {**parts[0].presence, **parts[1].presence}
    assert whole.take_rebirths() == halves.take_rebirths()


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"the shared samples are not beside the checkout ({SAMPLES})"
)
def test_the_platforms_own_samples_are_understood() -> None:
    chirpstack = json.loads((SAMPLES / "chirpstack_v4.json").read_text("utf-8"))
    registry = Registry.of([], [{"sensor_id": "0101010101010101", "model": "elsys"}])
    events = [
        Message(
            f"application/a/device/{body['deviceInfo']['devEui']}/event/{name}",
            json.dumps(body).encode(),
            RECEIVED,
        )
        for name, body in chirpstack["events"].items()
    ]
    batch = decoder("application")(events, registry)
    # The sample's one byte is no Elsys frame; everything around it is in order.
    assert [letter.reason for letter in batch.dead_letters] == ["codec"]
    assert batch.frame.columns["battery_pct"].tolist() == pytest.approx([88.3])
    assert batch.notices == len(events) - 2

    up = json.loads((SAMPLES / "things_stack_v3.json").read_text("utf-8"))["up"]
    registry = Registry.of([], [{"sensor_id": "0004a30b001c0530", "model": "elsys"}])
    batch = decoder("v3")([Message("v3/app1@t/devices/dev1/up", json.dumps(up).encode(), RECEIVED)], registry)
    assert [letter.reason for letter in batch.dead_letters] == ["codec"]

    onenet = json.loads((SAMPLES / "onenet_mqtt.json").read_text("utf-8"))
    topics = {"thing_post": "$sys/p/d/thing/property/post", "dp_post": "$sys/p/d/dp/post/json"}
    batch = decoder("$sys")(
        [Message(topics[s["topic"]], json.dumps(s["msg"]).encode(), RECEIVED) for s in onenet["samples"]],
        REGISTRY,
    )
    assert (batch.notices, batch.unknown_keys, batch.dead_letters) == (2, 3, ())

    ctwing = json.loads((SAMPLES / "ctwing_aep.json").read_text("utf-8"))
    batch = decoder("ctwing")(
        [Message("ctwing/d", json.dumps(s["msg"]).encode(), RECEIVED) for s in ctwing["samples"]], REGISTRY
    )
    assert [letter.reason for letter in batch.dead_letters] == ["unknown_sensor"]
    assert batch.notices == 1
