"""Sparkplug B as a timeline: births announce, data follows by number, deaths end, gaps ask for a rebirth."""

from typing import Any

import pytest

from devices.registry import Registry
from ingest.envelopes.sparkplug import SparkplugDecoder, matches
from ingest.envelopes.sparkplug_payload import PayloadMessage, parse, rebirth_command
from ingest.message import Message

T = 1_700_000_000_000
RECEIVED = T * 1000 + 500_000
INT8, INT32, DOUBLE, BOOLEAN, STRING = 1, 3, 10, 11, 12


def registry() -> Registry:
    return Registry.of([], [{"sensor_id": "lid-1"}, {"sensor_id": "east/gate/lid-2"}, {"sensor_id": "gate"}])


def metric(name: str = "", **fields: Any) -> dict[str, Any]:
    return {**({"name": name.encode()} if name else {}), **fields}


def message(
    kind: str, *metrics: dict[str, Any], seq: int | None = None, device: str = "", t: int = T
) -> Message:
    payload = PayloadMessage(timestamp=t)
    if seq is not None:
        payload.seq = seq
    for fields in metrics:
        payload.metrics.add(**fields)
    topic = f"spBv1.0/east/{kind}/gate" + (f"/{device}" if device else "")
    return Message(topic, payload.SerializeToString(), RECEIVED)


def node_birth(session: int = 0, seq: int = 0) -> Message:
    return message("NBIRTH", metric("bdSeq", long_value=session), seq=seq)


def lid_birth(seq: int = 1, device: str = "lid-1") -> Message:
    return message(
        "DBIRTH",
        metric("tilt_deg", alias=1, datatype=DOUBLE, double_value=0.5),
        metric("open", alias=2, datatype=BOOLEAN, boolean_value=False),
        metric("temperature_c", alias=3, datatype=INT8, int_value=0xFB),
        metric("Device Control/Reset", datatype=BOOLEAN, boolean_value=False),
        metric("maker", datatype=STRING, string_value=b"x"),
        seq=seq,
        device=device,
    )


def values(batch: Any) -> dict[str, list[float]]:
    return {name: column.tolist() for name, column in batch.frame.columns.items()}


def test_a_birth_brings_presence_and_first_values_and_data_follows_by_alias() -> None:
    decoder = SparkplugDecoder()
    first = decoder([node_birth(), lid_birth()], registry())
    assert first.dead_letters == ()
    assert values(first) == {"tilt_deg": [0.5], "open": [0.0], "temperature_c": [-5.0]}
    assert first.presence == {2: (True, T * 1000), 0: (True, T * 1000)}
    assert first.unknown_keys == 1
    second = decoder(
        [message("DDATA", metric(alias=1, double_value=12.5, timestamp=T - 1000), seq=2, device="lid-1")],
        registry(),
    )
    assert values(second) == {"tilt_deg": [12.5]}
    assert second.frame.time.tolist() == [(T - 1000) * 1000]
    assert decoder.take_rebirths() == {}


def test_a_device_is_found_by_its_whole_path_before_its_name() -> None:
    batch = SparkplugDecoder()([node_birth(), lid_birth(device="lid-2")], registry())
    assert batch.frame.sensor.tolist() == [1]


def test_an_alias_that_nobody_announced_is_a_dead_letter_and_asks_once_for_a_rebirth() -> None:
    decoder = SparkplugDecoder()
    data = message("DDATA", metric(alias=9, double_value=1.0), seq=5, device="lid-1")
    batch = decoder([data, data], registry())
    assert [letter.reason for letter in batch.dead_letters] == ["envelope", "envelope"]
    assert list(decoder.take_rebirths()) == [("east", "gate")]
    assert decoder.take_rebirths() == {}


def test_a_gap_in_the_sequence_asks_for_a_rebirth_and_still_uses_the_data() -> None:
    decoder = SparkplugDecoder()
    batch = decoder(
        [
            node_birth(seq=254),
            lid_birth(seq=255),
            message("DDATA", metric(alias=1, double_value=1.0), seq=0, device="lid-1"),
            message("DDATA", metric(alias=1, double_value=2.0), seq=2, device="lid-1"),
        ],
        registry(),
    )
    assert values(batch)["tilt_deg"] == [0.5, 1.0, 2.0]
    assert decoder.take_rebirths() == {("east", "gate"): "sequence number 1 expected, found 2"}


def test_the_death_of_a_node_takes_its_devices_with_it() -> None:
    decoder = SparkplugDecoder()
    decoder([node_birth(4), lid_birth()], registry())
    batch = decoder([message("NDEATH", metric("bdSeq", long_value=4))], registry())
    assert batch.presence == {2: (False, T * 1000), 0: (False, T * 1000)}


def test_the_late_death_of_an_earlier_session_says_nothing() -> None:
    decoder = SparkplugDecoder()
    decoder([node_birth(5), lid_birth()], registry())
    batch = decoder([message("NDEATH", metric("bdSeq", long_value=4))], registry())
    assert batch.presence == {}
    assert (batch.notices, batch.dead_letters) == (1, ())


def test_the_death_of_a_device_is_its_own() -> None:
    decoder = SparkplugDecoder()
    decoder([node_birth(), lid_birth()], registry())
    batch = decoder([message("DDEATH", seq=2, device="lid-1")], registry())
    assert batch.presence == {0: (False, T * 1000)}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Message("spBv1.0/east/DDATA/gate/lid-1", b"\xff\xff", RECEIVED), "envelope"),
        (Message("spBv1.0/east/DDATA/gate", b"", RECEIVED), "envelope"),
        (Message("spBv1.0/east/NDATA//gate", b"", RECEIVED), "envelope"),
        (message("DDATA", metric("tilt_deg", double_value=1.0), device="lid-1"), "envelope"),
        (message("DDATA", seq=3, device="lid-1"), "envelope"),
        (message("DDATA", metric("tilt_deg", double_value=1.0), seq=256, device="lid-1"), "envelope"),
        (message("DDATA", metric("tilt_deg", double_value=181.0), seq=2, device="lid-1"), "range"),
        (message("DDATA", metric("tilt_deg", string_value=b"3"), seq=2, device="lid-1"), "envelope"),
        (message("DDATA", metric("tilt_deg", double_value=1.0), seq=2, device="nobody"), "unknown_sensor"),
        (
            message("DDATA", metric("tilt_deg", double_value=1.0, timestamp=2**63), seq=2, device="lid-1"),
            "clock",
        ),
        (message("DDATA", {"name": b"\xff", "double_value": 1.0}, seq=2, device="lid-1"), "envelope"),
    ],
)
def test_a_bad_message_is_a_dead_letter_and_its_neighbour_a_reading(bad: Message, reason: str) -> None:
    good = message("DDATA", metric("tilt_deg", double_value=3.0), seq=2, device="lid-1")
    batch = SparkplugDecoder()([bad, good], registry())
    assert [letter.reason for letter in batch.dead_letters] == [reason]
    assert values(batch) == {"tilt_deg": [3.0]}


def test_a_null_metric_was_not_measured() -> None:
    batch = SparkplugDecoder()(
        [node_birth(), message("DDATA", metric("tilt_deg", is_null=True), seq=1, device="lid-1")], registry()
    )
    assert len(batch.frame) == 0
    assert batch.dead_letters == ()


def test_the_rebirth_command_is_the_specifications() -> None:
    payload = parse(rebirth_command(T))
    assert [(m.name, m.value) for m in payload.metrics] == [("Node Control/Rebirth", True)]
    assert matches("spBv1.0/east/NDATA/gate")
