"""InfluxDB 2 as the archive: one point a reading, so that writing again changes nothing.

A point is `readings,sensor_id=… tilt_deg=…,… <event time in µs>`. Raw blocks stay in the log's
retention; InfluxDB gets their features, which are readings like all others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from config.archive import InfluxArchiveSettings
from devices.frame import Frame
from devices.quantities import QUANTITIES
from devices.registry import Registry
from ingest.log import Record
from jingqiao.archive.contract import BLOCK_HOURS, BLOCKS, ArchiveUnavailableError

MEASUREMENT: Final = "readings"
_POINTS_AT_ONCE: Final = 5000
_ESCAPES = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\n"})


class InfluxDBArchive:
    """Readings in an InfluxDB 2 bucket.

    offset_path : Path  Where the offset is kept, beside the log: it belongs to this log, not to the bucket.
    """

    def __init__(
        self, settings: InfluxArchiveSettings, offset_path: Path, registry: Callable[[], Registry]
    ) -> None:
        self._settings = settings
        self._offset_path = offset_path
        self._registry = registry
        self._client = InfluxDBClient(
            settings.url,
            settings.token.get_secret_value(),
            org=settings.org,
            timeout=int(settings.timeout_s * 1000),
            enable_gzip=True,
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    def offset(self) -> int:
        """Sequence number of the newest record that the server confirmed."""
        try:
            return int(json.loads(self._offset_path.read_text("utf-8"))["seq"])
        except FileNotFoundError:
            return 0

    def write(self, records: Sequence[tuple[int, Record]]) -> None:
        """Write all readings of the records; the offset moves only after the last of them is confirmed."""
        registry = self._registry()
        lines: list[str] = []
        for _, record in records:
            if isinstance(record, Frame):
                lines.extend(_lines(record, registry))
        for start in range(0, len(lines), _POINTS_AT_ONCE):
            self._send(lines[start : start + _POINTS_AT_ONCE])
        if records:
            self._keep_offset(records[-1][0])

    def readings(self, since: int, until: int, sensor_ids: Sequence[str] | None = None) -> pa.Table:
        """Readings with `since` ≤ event time < `until` [µs], by time. Raises ArchiveUnavailableError."""
        only = ""
        if sensor_ids is not None:
            wanted = json.dumps(list(sensor_ids), ensure_ascii=False)
            only = f" |> filter(fn: (r) => contains(value: r.sensor_id, set: {wanted}))"
        flux = (
            f"from(bucket: {json.dumps(self._settings.bucket)})"
            f" |> range(start: time(v: {since * 1000}), stop: time(v: {until * 1000}))"
            f' |> filter(fn: (r) => r._measurement == "{MEASUREMENT}"){only}'
            ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
        )
        rows = self._asked(flux)
        columns = _keys(rows)
        for name in QUANTITIES:
            if any(row.get(name) is not None for row in rows):
                columns[name] = pa.array([row.get(name) for row in rows], pa.float32())
        return pa.table(columns)

    def count(self, since: int, until: int) -> int:
        """Of the quantity that most readings have; a reading without it is not counted."""
        flux = (
            f"from(bucket: {json.dumps(self._settings.bucket)})"
            f" |> range(start: time(v: {since * 1000}), stop: time(v: {until * 1000}))"
            f' |> filter(fn: (r) => r._measurement == "{MEASUREMENT}")'
            ' |> group(columns: ["_field"]) |> count()'
            ' |> map(fn: (r) => ({r with _time: now(), sensor_id: ""}))'
        )
        return max((int(row["_value"]) for row in self._asked(flux)), default=0)

    def extremes(
        self, since: int, until: int, sensor_ids: Sequence[str], bucket_us: int, quantities: Sequence[str]
    ) -> pa.Table:
        """Least and greatest value of each bucket, reduced by the server. Raises ArchiveUnavailableError."""
        known = [name for name in quantities if name in QUANTITIES]
        if not known or not sensor_ids:
            return pa.table(_keys([]))
        wanted, fields = json.dumps(list(sensor_ids), ensure_ascii=False), json.dumps(known)
        width = max(1, bucket_us) * 1000
        pivot = 'pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
        found: dict[tuple[Any, str], dict[str, Any]] = {}
        for end in ("min", "max"):
            flux = (
                f"from(bucket: {json.dumps(self._settings.bucket)})"
                f" |> range(start: time(v: {since * 1000}), stop: time(v: {until * 1000}))"
                f' |> filter(fn: (r) => r._measurement == "{MEASUREMENT}")'
                f" |> filter(fn: (r) => contains(value: r.sensor_id, set: {wanted}))"
                f" |> filter(fn: (r) => contains(value: r._field, set: {fields}))"
                f" |> window(every: {width}ns) |> {end}()"
                f" |> map(fn: (r) => ({{r with _time: time(v: int(v: r._time) / {width} * {width})}}))"
                f' |> group(columns: ["sensor_id"]) |> {pivot}'
            )
            for row in self._asked(flux):
                both = found.setdefault(
                    (row["_time"], row["sensor_id"]), {"_time": row["_time"], "sensor_id": row["sensor_id"]}
                )
                both |= {f"{name}_{end}": row[name] for name in known if row.get(name) is not None}
        rows = sorted(found.values(), key=lambda row: (row["sensor_id"], row["_time"]))
        columns = _keys(rows)
        for name in (f"{quantity}_{end}" for quantity in known for end in ("min", "max")):
            if any(name in row for row in rows):
                columns[name] = pa.array([row.get(name) for row in rows], pa.float32())
        return pa.table(columns)

    def losses(self, since: int, until: int) -> None:
        """Points have no frame counters."""

    def _asked(self, flux: str) -> list[dict[str, Any]]:
        """Rows of an answer, by time and sensor."""
        try:
            rows = [record.values for record in self._client.query_api().query_stream(flux)]
        except (ApiException, HTTPError, OSError) as error:
            raise ArchiveUnavailableError(f"InfluxDB cannot be asked: {_short(error)}") from error
        return sorted(rows, key=lambda row: (row["_time"], row["sensor_id"]))

    def blocks(self, since: int, until: int, sensor_ids: Sequence[str]) -> pa.Table:  # noqa: ARG002 - the contract's
        """Nothing: raw blocks are not kept here."""
        return BLOCKS.empty_table()

    def block_hours(self, since: int, until: int, sensor_ids: Sequence[str]) -> pa.Table:  # noqa: ARG002
        """None: raw blocks are not kept here."""
        return BLOCK_HOURS.empty_table()

    def forget_blocks(self, before: int) -> None:
        """Nothing to drop: raw blocks are not kept here."""

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _send(self, lines: Sequence[str]) -> None:
        try:
            self._writer.write(self._settings.bucket, self._settings.org, "\n".join(lines), WritePrecision.US)  # type: ignore[arg-type]  # a str in their class
        except (ApiException, HTTPError, OSError) as error:
            raise ArchiveUnavailableError(f"InfluxDB does not store: {_short(error)}") from error

    def _keep_offset(self, seq: int) -> None:
        fresh = self._offset_path.with_suffix(".new")
        fresh.write_text(json.dumps({"seq": seq}), "utf-8")
        fresh.replace(self._offset_path)


def _keys(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "sensor_id": pa.array([row["sensor_id"] for row in rows], pa.string()),
        "t": pa.array([row["_time"] for row in rows], pa.timestamp("us", "UTC")),
    }


def _lines(frame: Frame, registry: Registry) -> Iterator[str]:
    """The frame's readings as line protocol; a reading without any quantity has no point."""
    ids = registry.sensors.texts["sensor_id"].take(pa.array(frame.sensor)).to_pylist()
    present = {name: ~np.isnan(values) for name, values in frame.columns.items()}
    for row, (sensor_id, time) in enumerate(zip(ids, frame.time.tolist(), strict=True)):
        fields = [
            f"{name}={float(values[row])!r}" for name, values in frame.columns.items() if present[name][row]
        ]
        if fields:
            yield f"{MEASUREMENT},sensor_id={str(sensor_id).translate(_ESCAPES)} {','.join(fields)} {time}"


def _short(error: Exception) -> str:
    """One line without the request's headers, which hold the token."""
    if isinstance(error, ApiException):
        return f"HTTP {error.status} {error.reason}: {(error.message or '')[:200]}"
    return str(error).splitlines()[0][:200]
