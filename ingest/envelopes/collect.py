"""What all envelopes share: find the sensor, let its codec read, check, and make one frame in order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from devices.codecs.believable import unbelievable, without
from devices.codecs.catalogue import CODECS
from devices.codecs.contract import NO_TIME
from devices.frame import NO_GATEWAY, NO_SEQ, Flag, Frame, empty, gateway_key
from devices.quantities import QUANTITIES
from devices.registry import UNKNOWN, Registry
from devices.versions import Versions
from ingest.log import DeadLetter
from ingest.message import DecodedBatch, Message

MAX_PAYLOAD_BYTES: Final = 256 * 1024
MAX_AHEAD_US: Final = 5 * 60 * 1_000_000
"""How far a time may be ahead of the server before it is a clock fault (protocol.md)."""

FIRST_BELIEVABLE_US: Final = 1_420_070_400_000_000
"""2015-01-01: a stored record that states an earlier time comes from a device whose clock was never set."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


Count = Annotated[int, msgspec.Meta(ge=0, le=2**42)]
"""A counter or a time since 1970 as platforms send it; more is nonsense and would not fit our columns."""


def microseconds(time: datetime) -> int:
    """A zoned time as µs since 1970 UTC."""
    return (time - _EPOCH) // _MICROSECOND


class Uplink(NamedTuple):
    """One payload for a vendor's codec, with what the radio network knows of it.

    message : int  Row of the message.
    ids : tuple[str, ...]  What the platform calls the device, the surest first.
    time : int  Time of reception by the platform [µs since 1970 UTC]; NO_TIME where it states none.
    """

    message: int
    ids: tuple[str, ...]
    time: int
    payload: bytes
    port: int | None = None
    seq: int = NO_SEQ
    rssi_dbm: float = math.nan
    snr_db: float = math.nan
    gateway: str = ""


class Stated(NamedTuple):
    """One reading whose quantities the platform states by name.

    values : name → number  Already of the right type; ranges are checked here.
    """

    message: int
    ids: tuple[str, ...]
    time: int
    values: Mapping[str, float]
    seq: int = NO_SEQ


@dataclass(slots=True)
class _Rows:
    """Rows of the frame to be, in columns, with the message each came from."""

    message: npt.NDArray[np.int64]
    sensor: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    seq: npt.NDArray[np.int64]
    gateway: npt.NDArray[np.int32]
    columns: dict[str, npt.NDArray[np.float32]]


@dataclass(slots=True)
class Collector:
    """Gathers what a batch of messages means and makes a `DecodedBatch` of it, once."""

    messages: Sequence[Message]
    registry: Registry
    uplinks: list[Uplink] = field(default_factory=list)
    stated: list[Stated] = field(default_factory=list)
    presence: dict[int, tuple[bool, int]] = field(default_factory=dict)
    notices: int = 0
    unknown_keys: int = 0
    answers: list[Message] = field(default_factory=list)
    _versions: dict[int, list[tuple[int, Versions, int]]] = field(default_factory=dict)
    _dead: dict[int, tuple[str, str]] = field(default_factory=dict)

    def dead(self, message: int, reason: str, detail: str) -> None:
        """A message that cannot be used; the first reason stands. The detail becomes one line."""
        self._dead.setdefault(message, (reason, " ".join(detail.split())))

    def introduces(self, message: int, sensor: int, versions: Versions, time: int) -> None:
        """A device says what it runs; it counts unless nobody knows it, or the message turns out dead.

        time : int  When it said so [µs since 1970 UTC]; NO_TIME where nobody states it.
        """
        if sensor == UNKNOWN:
            return
        received = self.messages[message].received
        at = received if time == NO_TIME else min(time, received)
        self._versions.setdefault(message, []).append((sensor, versions, at))

    def fits(self, message: int) -> bool:
        """Whether a message is small enough to be read; one that is not becomes a dead letter."""
        size = len(self.messages[message].payload)
        if size > MAX_PAYLOAD_BYTES:
            self.dead(message, "too_large", f"{size} bytes; at most {MAX_PAYLOAD_BYTES} are read")
            return False
        return True

    def sensors(self, ids: Sequence[tuple[str, ...]]) -> npt.NDArray[np.int32]:
        """int32[k]  Registry indices by the first of each device's names that the registry has."""
        found = self.registry.sensor_indices([names[0].lower() for names in ids])
        for i in np.flatnonzero(found == UNKNOWN).tolist():
            for name in dict.fromkeys(spelt for n in ids[i] for spelt in (n, n.lower(), n.upper())):
                found[i] = self.registry.sensor_index(name) if name else UNKNOWN
                if found[i] != UNKNOWN:
                    break
        return found

    def batch(self) -> DecodedBatch:
        """Everything gathered so far as one batch."""
        parts = [*self._decode_uplinks(), *self._take_stated()]
        frame, gateways = self._frame(parts)
        letters = tuple(
            DeadLetter(
                self.messages[i].received, self.messages[i].topic, self.messages[i].payload, *self._dead[i]
            )
            for i in sorted(self._dead)
        )
        return DecodedBatch(
            frame=frame,
            dead_letters=letters,
            gateways=gateways,
            presence=self.presence,
            unknown_keys=self.unknown_keys,
            notices=self.notices,
            answers=tuple(self.answers),
            versions={
                sensor: (said, at)
                for message in sorted(self._versions)
                if message not in self._dead
                for sensor, said, at in self._versions[message]
            },
        )

    def _known(self, rows: Sequence[Uplink] | Sequence[Stated]) -> npt.NDArray[np.int32]:
        found = self.sensors([row.ids for row in rows])
        for i in np.flatnonzero(found == UNKNOWN).tolist():
            names = ", ".join(dict.fromkeys(name for name in rows[i].ids if name))
            self.dead(rows[i].message, "unknown_sensor", f"no sensor {names} in the registry")
        return found

    def _decode_uplinks(self) -> list[_Rows]:
        if not self.uplinks:
            return []
        sensors = self._known(self.uplinks)
        known = np.flatnonzero(sensors != UNKNOWN)
        models = self.registry.sensors.texts["model"].take(pa.array(sensors[known])).dictionary_encode()
        codes = models.indices.to_numpy(zero_copy_only=False)
        return [
            part
            for code, model in enumerate(models.dictionary.to_pylist())
            if (part := self._decode_model(str(model), known[codes == code], sensors)) is not None
        ]

    def _decode_model(
        self, model: str, which: npt.NDArray[np.intp], sensors: npt.NDArray[np.int32]
    ) -> _Rows | None:
        uplinks = [self.uplinks[i] for i in which.tolist()]
        codec = CODECS.get(model.lower())
        if codec is None:
            detail = f"model {model!r} has no codec; known are {', '.join(sorted(CODECS))}"
            for uplink in uplinks:
                self.dead(uplink.message, "codec", detail)
            return None
        decoded = codec.decode(
            model.lower(), [uplink.payload for uplink in uplinks], [uplink.port for uplink in uplinks]
        )
        for refused, detail in decoded.errors.items():
            uplink = uplinks[refused]
            port = "" if uplink.port is None else f", port {uplink.port}"
            self.dead(uplink.message, "codec", f"{model}{port}: {detail}")
        nonsense = unbelievable(decoded)
        for refused, detail in nonsense.items():
            self.dead(uplinks[refused].message, "range", f"{model}: {detail}")
        decoded = without(decoded, nonsense)
        self.notices += len(decoded.notices)
        for told, versions in decoded.versions.items():
            uplink = uplinks[told]
            self.introduces(uplink.message, int(sensors[which[told]]), versions, uplink.time)
        row = decoded.row
        message = np.array([uplink.message for uplink in uplinks], np.int64)[row]
        own = decoded.time != NO_TIME
        for i in np.flatnonzero(own & (decoded.time < FIRST_BELIEVABLE_US)).tolist():
            seconds = int(decoded.time[i]) // 1_000_000
            self.dead(
                int(message[i]),
                "clock",
                f"record states {seconds} s since 1970; the device's clock is not set",
            )
        radio = {
            "rssi_dbm": np.array([uplink.rssi_dbm for uplink in uplinks], np.float64)[row],
            "snr_db": np.array([uplink.snr_db for uplink in uplinks], np.float64)[row],
        }
        keys = {uplink.gateway: gateway_key(uplink.gateway) for uplink in uplinks if uplink.gateway}
        return _Rows(
            message,
            sensors[which][row],
            np.where(own, decoded.time, np.array([uplink.time for uplink in uplinks], np.int64)[row]),
            np.array([uplink.seq for uplink in uplinks], np.int64)[row],
            np.array([keys.get(uplink.gateway, NO_GATEWAY) for uplink in uplinks], np.int32)[row],
            {**decoded.columns, **{name: _in_range(name, column) for name, column in radio.items()}},
        )

    def _take_stated(self) -> list[_Rows]:
        if not self.stated:
            return []
        sensors = self._known(self.stated)
        for row in self.stated:
            for name, value in row.values.items():
                quantity = QUANTITIES[name]
                if not quantity.low <= value <= quantity.high:
                    self.dead(
                        row.message,
                        "range",
                        f"{name} is {value:g} {quantity.unit}".rstrip()
                        + f"; believable is {quantity.low:g} to {quantity.high:g}",
                    )
        good = [i for i, row in enumerate(self.stated) if row.message not in self._dead]
        rows = [self.stated[i] for i in good]
        names = list(dict.fromkeys(name for row in rows for name in row.values))
        return [
            _Rows(
                np.array([row.message for row in rows], np.int64),
                sensors[good],
                np.array([row.time for row in rows], np.int64),
                np.array([row.seq for row in rows], np.int64),
                np.full(len(rows), NO_GATEWAY, np.int32),
                {
                    name: np.array([row.values.get(name, np.nan) for row in rows], np.float32)
                    for name in names
                },
            )
        ]

    def _frame(self, parts: Sequence[_Rows]) -> tuple[Frame, dict[int, str]]:
        if not parts:
            return empty(), {}
        rows = _join(parts)
        message, time = rows.message, rows.time
        received = np.fromiter((m.received for m in self.messages), np.int64, len(self.messages))[message]
        flag = np.where(time == NO_TIME, np.uint8(Flag.SUSPECT), np.uint8(Flag.GOOD))
        time = np.where(time == NO_TIME, received, time)
        for i in np.flatnonzero(time > received + MAX_AHEAD_US).tolist():
            ahead = (int(time[i]) - int(received[i])) / 1_000_000
            self.dead(int(message[i]), "clock", f"time is {ahead:.0f} s ahead of the server; at most 300 s")
        keep = slice(None) if not self._dead else ~np.isin(message, list(self._dead))
        columns = {name: column[keep] for name, column in rows.columns.items()}
        frame = Frame(
            rows.sensor[keep],
            time[keep],
            received[keep],
            rows.seq[keep],
            flag[keep],
            {name: column for name, column in columns.items() if not np.isnan(column).all()},
            rows.gateway[keep],
        )
        gateways = {gateway_key(uplink.gateway): uplink.gateway for uplink in self.uplinks if uplink.gateway}
        return frame, gateways


def _in_range(name: str, column: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """A gateway's nonsense about the radio takes nothing from the device's reading."""
    quantity = QUANTITIES[name]
    believed = np.where((column >= quantity.low) & (column <= quantity.high), column, np.nan)
    return believed.astype(np.float32)


def _join(parts: Sequence[_Rows]) -> _Rows:
    """All rows in the order of their messages."""
    if len(parts) == 1:
        return parts[0]
    message = np.concatenate([part.message for part in parts])
    order: npt.NDArray[Any] = np.argsort(message, kind="stable")
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    return _Rows(
        message[order],
        np.concatenate([part.sensor for part in parts])[order],
        np.concatenate([part.time for part in parts])[order],
        np.concatenate([part.seq for part in parts])[order],
        np.concatenate([part.gateway for part in parts])[order],
        {
            name: np.concatenate(
                [part.columns.get(name, np.full(len(part.message), np.nan, np.float32)) for part in parts]
            )[order]
            for name in names
        },
    )
