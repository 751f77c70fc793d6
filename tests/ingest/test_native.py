"""Native messages become columns exactly as the protocol says, and as a slow, obvious decoder says."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.frame import Flag
from devices.quantities import QUANTITIES
from devices.registry import Registry
from ingest.decode import Router
from ingest.message import Message
from ingest.native import decode

NOW = 1_760_000_000_000_000
NOW_MS = NOW // 1000
IDS = ["a", "b", "井盖-1"]
REGISTRY = Registry.of([], [{"sensor_id": sensor_id} for sensor_id in IDS])
NATIVE = [name for name, quantity in QUANTITIES.items() if quantity.native]


def message(payload, sensor="a", kind="readings", received=NOW):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(f"jingqiao/v1/{sensor}/{kind}", data, received)


def one(payload, **where):
    return decode([message(payload, **where)], REGISTRY)


def reason(batch):
    return [letter.reason for letter in batch.dead_letters]


def test_a_reading_becomes_a_row():
    batch = one({"t": NOW_MS - 5, "seq": 7, "tilt_deg": 1.5, "open": True})
    assert batch.frame.sensor.tolist() == [0]
    assert batch.frame.time.tolist() == [NOW - 5000]
    assert batch.frame.received.tolist() == [NOW]
    assert batch.frame.seq.tolist() == [7]
    assert batch.frame.flag.tolist() == [Flag.GOOD]
    assert {k: v.tolist() for k, v in batch.frame.columns.items()} == {"tilt_deg": [1.5], "open": [1.0]}


def test_an_array_becomes_a_row_each_in_order():
    batch = one([{"t": NOW_MS - i, "tilt_deg": i} for i in (3, 2, 1)])
    assert batch.frame.columns["tilt_deg"].tolist() == [3, 2, 1]


def test_good_readings_of_an_array_count_beside_a_bad_one_which_is_kept_whole():
    payload = json.dumps([{"tilt_deg": 1}, {"tilt_deg": 999}, {"tilt_deg": 3}]).encode()
    batch = decode([message(payload)], REGISTRY)
    assert batch.frame.columns["tilt_deg"].tolist() == [1, 3]
    assert reason(batch) == ["range"]
    assert batch.dead_letters[0].payload == payload


@pytest.mark.parametrize(
    ("t", "event"),
    [
        ("2025-10-09T08:53:20Z", NOW),
        ("2025-10-09T16:53:20+08:00", NOW),
        ("2025-10-09T08:53:20.123456Z", NOW + 123456),
        (NOW_MS + 300_000, NOW + 300_000_000),
    ],
)
def test_times_are_milliseconds_or_rfc_3339(t, event):
    assert one({"t": t, "tilt_deg": 1}).frame.time.tolist() == [event]


def test_a_reading_without_time_takes_the_receive_time_and_is_suspect():
    batch = one({"tilt_deg": 1})
    assert batch.frame.time.tolist() == [NOW]
    assert batch.frame.flag.tolist() == [Flag.SUSPECT]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"t": NOW_MS + 300_001, "tilt_deg": 1}, "clock"),
        ({"t": NOW_MS // 1000, "tilt_deg": 1}, "clock"),
        ({"t": "2025-10-09T08:53:20", "tilt_deg": 1}, "time"),
        ({"t": "2025-10-09", "tilt_deg": 1}, "time"),
        ({"t": "", "tilt_deg": 1}, "time"),
        ({"t": str(NOW_MS), "tilt_deg": 1}, "time"),
        ({"t": 1.5, "tilt_deg": 1}, "type"),
        ({"t": None, "tilt_deg": 1}, "type"),
        ({"t": True, "tilt_deg": 1}, "type"),
        ({"t": 10**30, "tilt_deg": 1}, "clock"),
        ({"t": -(10**30), "tilt_deg": 1}, "clock"),
        ({"tilt_deg": 180.01}, "range"),
        ({"tilt_deg": -0.01}, "range"),
        ({"tilt_deg": "1"}, "type"),
        ({"tilt_deg": True}, "type"),
        ({"tilt_deg": None}, "type"),
        ({"tilt_deg": [1]}, "type"),
        ({"open": 1}, "type"),
        ({"open": "true"}, "type"),
        ({"seq": -1, "tilt_deg": 1}, "range"),
        ({"seq": 2**63, "tilt_deg": 1}, "range"),
        ({"seq": 1.5, "tilt_deg": 1}, "type"),
        ({}, "empty"),
        ({"t": NOW_MS, "seq": 4}, "empty"),
        ({"colour": "red"}, "empty"),
        ([], "empty"),
        ([[]], "type"),
        (5, "type"),
        (b"", "json"),
        (b"nonsense", "json"),
        (b'{"tilt_deg":NaN}', "json"),
        (b'{"tilt_deg":Infinity}', "json"),
        (b'{"tilt_deg":1e999}', "range"),
        (b'{"tilt_deg":1e300}', "range"),
        (b'{"tilt_deg":1},{"tilt_deg":2}', "json"),
        (b'{"tilt_deg":1}\n{"tilt_deg":2}', "json"),
        (b'\xff\xfe{"tilt_deg":1}', "utf8"),
        (b'{"tilt_deg":1,"name":"\xff"}', "utf8"),
        (b"[" * 100_000, "json"),
        (b'{"tilt_deg":1,"x":' + b"[" * 100_000, "json"),
        (b'{"tilt_deg":1,"x":"' + b"x" * (256 * 1024) + b'"}', "size"),
    ],
)
def test_what_cannot_be_used_is_kept_whole_with_its_reason(payload, expected):
    sent = message(payload)
    good = message({"tilt_deg": 5}, "b")
    batch = decode([good, sent, good], REGISTRY)
    assert reason(batch) == [expected]
    letter = batch.dead_letters[0]
    assert (letter.topic, letter.payload, letter.received) == sent
    assert letter.detail
    assert "\n" not in letter.detail
    assert len(letter.detail) < 400
    assert batch.frame.columns["tilt_deg"].tolist() == [5, 5]


@pytest.mark.parametrize("payload", [b'{"tilt_deg":-0}', b'{"tilt_deg":1E-400}', b' {"tilt_deg" : 0 }\n'])
def test_odd_ways_to_write_nought_are_nought(payload):
    assert one(payload).frame.columns["tilt_deg"].tolist() == [0.0]


def test_the_last_of_two_equal_keys_counts():
    assert one(b'{"tilt_deg":1,"tilt_deg":2}').frame.columns["tilt_deg"].tolist() == [2.0]


def test_a_key_may_be_spelt_with_escapes():
    assert one(b'{"\\u0074ilt_deg":2}').frame.columns["tilt_deg"].tolist() == [2.0]


def test_unknown_keys_are_passed_over_and_counted():
    payloads = [{"tilt_deg": 1, "colour": "red"}, {"tilt_deg": 1}, {"tilt_deg": 1, "x": {"y": 1}, "z": "a:b"}]
    assert decode([message(p) for p in payloads], REGISTRY).unknown_keys == 3
    assert one(payloads).unknown_keys == 3
    assert one({"t": "2025-10-09T08:53:20+00:00", "tilt_deg": 1}).unknown_keys == 0


def test_an_unknown_sensor_is_kept_for_whoever_imports_it_later():
    batch = decode([message({"tilt_deg": 1}, "stranger"), message({"tilt_deg": 2}, "b")], REGISTRY)
    assert reason(batch) == ["unknown_sensor"]
    assert "stranger" in batch.dead_letters[0].detail
    assert batch.frame.sensor.tolist() == [1]


def test_a_strain_block_becomes_features_at_its_end_and_is_kept_raw():
    samples = [1.0, 2.0, 3.0, 4.0, 100.0]
    batch = one({"t": NOW_MS - 200, "rate_hz": 50, "strain_ue": samples, "temperature_c": 21.5, "seq": 3},
                kind="strain")  # fmt: skip
    assert batch.frame.time.tolist() == [NOW - 200_000 + 100_000]
    features = {name: column.tolist() for name, column in batch.frame.columns.items()}
    assert features["strain_ue"] == [3.0]
    assert features["strain_min_ue"] == [1.0]
    assert features["strain_max_ue"] == [100.0]
    assert features["strain_n"] == [5.0]
    assert features["temperature_c"] == [21.5]
    assert batch.blocks[0].start == NOW - 200_000
    assert batch.blocks[0].strain_ue.tolist() == samples


def test_a_block_of_acceleration_becomes_rms_and_peak_about_its_mean_and_is_kept_raw():
    samples = [1.0, 1.2, 0.8, 1.0]
    payload = {"t": NOW_MS - 200, "rate_hz": 100, "acceleration_g": samples, "seq": 3}
    batch = one(payload, kind="acceleration")
    features = {name: column.round(4).tolist() for name, column in batch.frame.columns.items()}
    assert features == {
        "acceleration_rms_g": [np.float32(np.sqrt(0.02)).round(4)],
        "vibration_g": [np.float32(0.2).round(4)],
    }
    assert batch.frame.time.tolist() == [(NOW_MS - 160) * 1000]
    assert batch.blocks[0].acceleration_g.tolist() == np.array(samples, np.float32).tolist()


def test_blocks_of_strain_and_of_acceleration_of_one_batch_keep_their_own_columns():
    batch = decode(
        [
            message({"t": NOW_MS - 500, "rate_hz": 10, "strain_ue": [7]}, "a", "strain"),
            message({"t": NOW_MS - 500, "rate_hz": 10, "acceleration_g": [0.5, -0.5]}, "b", "acceleration"),
            message({"t": NOW_MS - 500, "rate_hz": 10, "strain_ue": [9]}, "a", "strain"),
        ],
        REGISTRY,
    )
    assert batch.dead_letters == ()
    assert [type(block).__name__ for block in batch.blocks] == [
        "StrainBlock",
        "AccelerationBlock",
        "StrainBlock",
    ]
    np.testing.assert_array_equal(batch.frame.columns["strain_ue"], [7, np.nan, 9])
    np.testing.assert_array_equal(batch.frame.columns["acceleration_rms_g"], [np.nan, 0.5, np.nan])


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"t": NOW_MS, "rate_hz": 100, "acceleration_g": []}, "empty"),
        ({"t": NOW_MS, "rate_hz": -1, "acceleration_g": [1]}, "range"),
        ({"t": NOW_MS, "rate_hz": 100, "acceleration_g": [1, 500]}, "range"),
        ({"t": NOW_MS, "rate_hz": 100, "acceleration_g": [1, None]}, "type"),
        ({"t": NOW_MS, "rate_hz": 100, "strain_ue": [1]}, "type"),
        ({"t": NOW_MS + 400_000, "rate_hz": 100, "acceleration_g": [1]}, "clock"),
    ],
)
def test_a_bad_block_of_acceleration_is_kept_whole(payload, expected):
    assert reason(one(payload, kind="acceleration")) == [expected]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"t": NOW_MS, "rate_hz": 50, "strain_ue": []}, "empty"),
        ({"t": NOW_MS, "rate_hz": 0, "strain_ue": [1]}, "range"),
        ({"t": NOW_MS, "rate_hz": 1e-9, "strain_ue": [1]}, "clock"),
        ({"t": NOW_MS, "rate_hz": 50, "strain_ue": [1, True]}, "type"),
        ({"t": NOW_MS, "rate_hz": 50, "strain_ue": [1, 30000]}, "range"),
        ({"t": NOW_MS, "strain_ue": [1]}, "type"),
        ({"t": NOW_MS + 400_000, "rate_hz": 50, "strain_ue": [1]}, "clock"),
        ([], "type"),
        (b"\xff", "utf8"),
        (b'{"x":' + b"[" * 100_000, "json"),
    ],
)
def test_a_bad_strain_block_is_kept_whole(payload, expected):
    assert reason(one(payload, kind="strain")) == [expected]


def test_status_says_who_is_there():
    batch = decode(
        [
            message({"state": "online", "t": NOW_MS - 1}, "a", "status"),
            message({"state": "offline"}, "b", "status"),
            message({"state": "asleep"}, "b", "status"),
        ],
        REGISTRY,
    )
    assert batch.presence == {0: (True, NOW - 1000), 1: (False, NOW)}
    assert reason(batch) == ["type"]


def test_a_status_that_answers_a_command_is_handed_on_whole():
    answer = message(b'{"state":"online","ack":"7"}', kind="status")
    plain = message(b'{"state":"online"}', kind="status")
    batch = Router({})([plain, answer, message(b'{"tilt_deg":1}')], REGISTRY)
    assert batch.answers == (answer,)


def test_rows_of_readings_and_strain_keep_the_order_of_their_messages():
    def block(value):
        return message({"t": NOW_MS, "rate_hz": 1000, "strain_ue": [value]}, "b", "strain")

    batch = decode(
        [message({"strain_ue": 1}), block(2), message([{"strain_ue": 3}, {"strain_ue": 4}]), block(5)],
        REGISTRY,
    )
    assert batch.frame.columns["strain_ue"].tolist() == [1, 2, 3, 4, 5]


def test_a_topic_that_nobody_knows_is_kept():
    router = Router({})
    strange = [Message("weather/today", b"{}", NOW), Message("jingqiao/v1/a/song", b"{}", NOW),
               Message("jingqiao/v1/readings", b"{}", NOW)]  # fmt: skip
    batch = router([*strange, message({"tilt_deg": 1})], REGISTRY)
    assert sorted(reason(batch)) == ["topic", "topic", "topic"]
    assert len(batch.frame) == 1


def test_a_decoder_that_raises_loses_only_the_messages_it_raises_on():
    def touchy(messages, registry):
        if any(m.payload == b"boom" for m in messages):
            raise ZeroDivisionError("boom")
        return decode([message({"tilt_deg": 1}) for _ in messages], registry)

    router = Router({"odd": touchy})
    payloads = [b"a", b"boom", b"b", b"c"]
    batch = router([Message("odd/x", payload, NOW) for payload in payloads], REGISTRY)
    assert reason(batch) == ["defect"]
    assert batch.dead_letters[0].payload == b"boom"
    assert len(batch.frame) == 3


def slow_twin(payload: bytes, received: int):
    """The obvious decoder: one payload → rows [(time, flag, seq, values)], bad (bool)."""

    def no_constant(name):
        raise ValueError(name)

    try:
        document = json.loads(payload.decode(), parse_constant=no_constant)
    except (ValueError, RecursionError):
        return [], True
    items = document if isinstance(document, list) else [document]
    rows, bad = [], not items
    for item in items:
        row = slow_row(item, received)
        bad = bad or row is None
        if row is not None:
            rows.append(row)
    return rows, bad


def slow_row(item, received):  # noqa: PLR0911, PLR0912 - obvious, not short
    if not isinstance(item, dict):
        return None
    t, flag = received, Flag.SUSPECT
    if "t" in item:
        flag = Flag.GOOD
        if type(item["t"]) is int:
            t = item["t"] * 1000
        elif type(item["t"]) is str:
            try:
                moment = datetime.fromisoformat(item["t"])
            except ValueError:
                return None
            if moment.tzinfo is None:
                return None
            t = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6)
        else:
            return None
        if t > received + 300_000_000 or t < 946_684_800_000_000:
            return None
    seq = item.get("seq", -1)
    if "seq" in item and (type(seq) is not int or not 0 <= seq < 2**63):
        return None
    values = {}
    for name in NATIVE:
        if name not in item:
            continue
        value, quantity = item[name], QUANTITIES[name]
        if value is None:
            continue
        if quantity.boolean != isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not quantity.low <= value <= quantity.high:
            return None
        values[name] = float(np.float32(value))
    return (t, int(flag), seq, values) if values else None


numbers = st.one_of(
    st.integers(-300, 300),
    st.floats(-300, 300),
    st.sampled_from([0, -0.0, 1e300, 10**40, 180, 180.0001, 2**64]),
)
anything = st.one_of(numbers, st.booleans(), st.none(), st.text(max_size=4), st.just([]), st.just({}))
times = st.one_of(
    st.integers(NOW_MS - 10**7, NOW_MS + 400_000),
    st.sampled_from([NOW_MS + 300_000, NOW_MS + 300_001, 0, -1, 10**25, 946_684_800_000, 1.5, None, "", "x"]),
    st.sampled_from(["2025-10-09T08:53:20Z", "2025-10-09T16:53:20.5+08:00", "2025-10-09T08:53:20"]),
)
readings = st.fixed_dictionaries(
    {},
    optional={
        "t": times,
        "seq": st.one_of(st.integers(-2, 10), st.sampled_from([2**63 - 1, 2**63, 1.5, True])),
        "tilt_deg": anything,
        "displacement_mm": numbers,
        "open": st.one_of(st.booleans(), anything),
        "battery_v": st.floats(0, 60),
        "colour": anything,
    },
)
good_readings = st.fixed_dictionaries({"t": st.just(NOW_MS), "tilt_deg": st.floats(0, 180)})
payloads = st.one_of(
    good_readings.map(lambda r: json.dumps(r).encode()),
    readings.map(lambda r: json.dumps(r, allow_nan=False).encode()),
    readings.map(lambda r: json.dumps(r, indent=1, ensure_ascii=False).encode()),
    st.lists(readings, max_size=4).map(lambda r: json.dumps(r).encode()),
    st.binary(max_size=12),
    st.text(alphabet='{}[]":,\n 1e-tilt_deg', max_size=30).map(str.encode),
    st.sampled_from(
        [
            b'{"tilt_deg":1',
            b'"x":2}',
            b'{"x":"}',
            b'{"}',
            b'{"x":[{"y":1}',
            b'{"z":1}]}',
            b'{"tilt_deg":1}\n{"tilt_deg":2}',
        ]
    ),
)


@pytest.mark.parametrize("among", [[], [{"t": NOW_MS, "tilt_deg": 3.5}]])
@pytest.mark.parametrize(
    ("sent", "measured"),
    [
        ({"tilt_deg": None, "displacement_mm": 55}, {"displacement_mm": 55.0}),
        ({"open": None, "tilt_deg": 12.5, "battery_v": None}, {"tilt_deg": 12.5}),
        ({"open": True, "water_mm": None}, {"open": 1.0}),
    ],
)
def test_a_null_beside_what_was_measured_costs_nothing(sent, measured, among):
    """A channel that could not be read: the sinking that another says must be heard."""
    batch = decode([message({"t": NOW_MS - 1000, **sent}), *map(message, among)], REGISTRY)
    assert batch.dead_letters == ()
    assert batch.unknown_keys == 0
    first = {name: float(c[0]) for name, c in batch.frame.columns.items() if not math.isnan(c[0])}
    assert (first, len(batch.frame)) == (measured, 1 + len(among))


def test_a_null_beside_what_is_out_of_range_or_of_a_wrong_type_saves_nothing():
    for bad in ({"displacement_mm": 99_999}, {"displacement_mm": "55"}, {"seq": None, "displacement_mm": 5}):
        batch = decode([message({"t": NOW_MS, "tilt_deg": None, **bad})], REGISTRY)
        assert (len(batch.frame), len(batch.dead_letters)) == (0, 1)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(payloads, st.sampled_from(IDS)), min_size=1, max_size=12))
@example([(b'{"tilt_deg":1}\n{"tilt_deg":2}', "a"), (b'{"x":[{"y":1}', "b"), (b'{"z":1}]}', "b")])
def test_a_batch_says_what_the_slow_decoder_says_of_each_message(sent):
    """Whatever its neighbours are, each message gives the rows, or the dead letter, of its own."""
    messages = [message(payload, sensor) for payload, sensor in sent]
    batch = decode(messages, REGISTRY)
    expected_rows, expected_bad = [], []
    for m in messages:
        rows, bad = slow_twin(m.payload, m.received)
        sensor = IDS.index(m.topic.split("/")[2])
        expected_rows += [(sensor, *row) for row in rows]
        if bad:
            expected_bad.append(m)
    assert [(x.received, x.topic, x.payload) for x in batch.dead_letters] == [
        (m.received, m.topic, m.payload) for m in expected_bad
    ]
    frame = batch.frame
    actual = [
        (
            int(frame.sensor[i]),
            int(frame.time[i]),
            int(frame.flag[i]),
            int(frame.seq[i]),
            {name: float(c[i]) for name, c in frame.columns.items() if not math.isnan(c[i])},
        )
        for i in range(len(frame))
    ]
    assert expected_rows == actual
