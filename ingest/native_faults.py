"""Why a native payload cannot be used: the field, its value, and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from devices.quantities import QUANTITIES
from devices.versions import NAMES
from ingest.native_schema import (
    EARLIEST_US,
    KEYS,
    LATEST_US,
    MAX_AHEAD_US,
    MAX_PAYLOAD_BYTES,
    MAX_SEQ,
    NUMBER_KEYS,
    QUANTITY_KEYS,
    UNSET_SEQ,
    UNSET_T,
    YES_NO_KEYS,
    Reading,
    Seq,
)

_READING: Final = msgspec.json.Decoder(Reading)
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_KEYED: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TIME: Final = msgspec.json.Decoder(int | str)

_KNOWN: Final = frozenset((*KEYS, *NAMES))
_UNPARSABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Refusal(Exception):  # noqa: N818 - it is a finding about a payload, not a programming error
    """A payload, or one reading of it, that cannot be used.

    reason : str  Short stable word.
    detail : str  One line for a technician.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


def check_bytes(payload: bytes) -> None:
    """Raise Refusal when the payload is too large, empty, or no UTF-8."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise Refusal("size", f"payload: {len(payload)} bytes; at most {MAX_PAYLOAD_BYTES} are taken")
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        raise Refusal("utf8", f"payload: byte {error.start} is no UTF-8; JSON is sent in UTF-8") from None


def readings_of(payload: bytes) -> tuple[list[Any], list[Refusal]]:
    """Readings of one payload (object or array) that parse, and a refusal for each one that does not."""
    try:
        check_bytes(payload)
        items = _split(payload)
    except Refusal as refusal:
        return [], [refusal]
    readings, refusals = [], []
    for place, item in items:
        try:
            readings.append(_READING.decode(item))
        except _UNPARSABLE as error:
            refusals.append(_at(place, explain_keys(item, error)))
    return readings, refusals


def _split(payload: bytes) -> list[tuple[str, bytes]]:
    text = payload.strip()
    if not text.startswith(b"["):
        return [("", text)]
    try:
        items = _ITEMS.decode(text)
    except _UNPARSABLE as error:
        raise Refusal(
            "json", f"payload: {_word(error)}; one JSON object or an array of them is taken"
        ) from None
    if not items:
        raise Refusal("empty", "payload: an empty array; at least one reading is taken")
    return [(f"[{i}]", bytes(item)) for i, item in enumerate(items)]


def _at(place: str, refusal: Refusal) -> Refusal:
    return Refusal(refusal.reason, f"{place}.{refusal.detail}") if place else refusal


def explain_keys(item: bytes, error: Exception) -> Refusal:
    """Which key keeps an object from being a reading."""
    try:
        keyed = _KEYED.decode(item)
    except msgspec.ValidationError:
        return Refusal("type", f'payload: {_short(item)} is no JSON object; a reading is one, like {{"t":…}}')
    except _UNPARSABLE:
        return Refusal("json", f"payload: {_word(error)}; one JSON object or an array of them is taken")
    for key, raw in keyed.items():
        value = bytes(raw)
        wanted: Any
        if key in NUMBER_KEYS:
            wanted, right = float | None, f"a number is taken, {limits(key)}"
        elif key in YES_NO_KEYS:
            wanted, right = bool | None, "true or false is taken"
        elif key == "seq":
            wanted, right = Seq, "a whole number from 0 is taken"
        elif key == "t":
            wanted, right = int | str, "epoch milliseconds as a whole number, or RFC 3339 with zone, is taken"
        else:
            continue
        try:
            msgspec.json.decode(value, type=wanted)
        except msgspec.ValidationError as wrong:
            reason = "range" if "out of range" in str(wrong) or ">=" in str(wrong) else "type"
            return Refusal(reason, f"{key}: {_short(value)}; {right}")
        except _UNPARSABLE as wrong:
            return Refusal("json", f"{key}: {_word(wrong)}; {right}")
    return Refusal("json", f"payload: {_word(error)}; one JSON object or an array of them is taken")


def limits(key: str) -> str:
    """The believable range of a quantity, for people."""
    quantity = QUANTITIES[key]
    return f"{quantity.low:g} to {quantity.high:g} {quantity.unit}".rstrip()


def check_reading(reading: Any, received: int) -> None:
    """Raise Refusal for anything in a parsed reading that cannot be true.

    The plain form of what `decode_readings` checks on whole columns; it names what is wrong.
    """
    if reading.t is not UNSET_T:
        event_time(reading.t, received)
    check_seq(reading.seq)
    found = False
    for key in QUANTITY_KEYS:
        value = getattr(reading, key)
        if value is None or value != value:  # noqa: PLR0124 - NaN: not there
            continue
        found = True
        check_range(key, value)
    null = next((key for key in QUANTITY_KEYS if getattr(reading, key) is None), None)
    if not found and null is not None:
        raise Refusal("type", f"{null}: null; nothing else was measured, at least one number is needed")
    if not found:
        raise Refusal("empty", f"payload: no quantity; at least one of {', '.join(QUANTITY_KEYS)} is needed")


def check_range(key: str, value: float) -> None:
    """Raise Refusal when a value is not believable."""
    if not QUANTITIES[key].low <= value <= QUANTITIES[key].high:
        raise Refusal("range", f"{key}: {value:g}; {limits(key)} is believed")


def check_seq(seq: int) -> None:
    """Raise Refusal when a message counter can be none."""
    if not UNSET_SEQ <= seq <= MAX_SEQ:
        raise Refusal("range", f"seq: {_short(str(seq).encode())}; a whole number from 0 is taken")


def event_time(t: int | str, received: int) -> int:
    """A stated `t` as µs since 1970. Raises Refusal: `time` (it is none), `clock` (it cannot be true)."""
    time = _rfc3339(t) if isinstance(t, str) else t * 1000
    if time > received + MAX_AHEAD_US:
        raise Refusal(
            "clock", f"t: {_when(t, time)} is ahead of the server; at most 5 min are. Set the clock"
        )
    if time < EARLIEST_US:
        raise Refusal(
            "clock", f"t: {_when(t, time)} is before 2000; epoch milliseconds of a set clock are taken"
        )
    return time


def _rfc3339(t: str) -> int:
    right = "RFC 3339 with zone is taken, like 2026-03-01T08:00:00+08:00"
    try:
        moment = datetime.fromisoformat(t)
    except ValueError:
        raise Refusal("time", f"t: {_short(t.encode())} is no time; {right}") from None
    if moment.tzinfo is None or len(t) < len("2026-03-01T08:00Z"):
        raise Refusal("time", f"t: {_short(t.encode())} has no zone; {right}")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def _when(t: int | str, time: int) -> str:
    if isinstance(t, str) or not 0 <= time <= LATEST_US:
        return _short(str(t).encode())
    return f"{t} ({datetime.fromtimestamp(time // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ})"


def _short(value: bytes) -> str:
    text = value.decode(errors="replace").replace("\n", " ").replace("\r", " ")
    return text if len(text) <= 60 else text[:57] + "…"


def _word(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    return str(error).replace("\n", " ")


def one_refusal(refusals: Sequence[Refusal]) -> tuple[str, str]:
    """Reason and detail of a message with one or more refused readings."""
    first = refusals[0]
    more = f" (and {len(refusals) - 1} more in this message)" if len(refusals) > 1 else ""
    return first.reason, first.detail + more


def unknown_keys(payloads: Sequence[bytes]) -> int:
    """How many keys of these readings (objects, or arrays of them) nobody knows."""
    count = 0
    for payload in payloads:
        try:
            for _, item in _split(payload):
                count += len(_KEYED.decode(item).keys() - _KNOWN)
        except (Refusal, *_UNPARSABLE):
            continue
    return count
