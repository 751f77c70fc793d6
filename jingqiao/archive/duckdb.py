"""The embedded archive: one DuckDB file, columns as in frames, the offset in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Lock

import duckdb
import numpy as np
import pyarrow as pa

from devices.frame import Frame, concat
from devices.quantities import QUANTITIES
from devices.registry import Registry
from ingest.log import AccelerationBlock, RawBlock, Record, StrainBlock
from jingqiao.archive.contract import BLOCK_HOURS, BLOCKS, LARGEST_LEAP, ArchiveUnavailableError

_KEYS = ("sensor", "time", "received", "seq", "flag", "gateway")


class DuckDBArchive:
    """Readings in a DuckDB file that this process owns.

    path : Path  The file; made when absent.
    registry : Callable[[], Registry]  The registry now, to name sensors in answers.
    """

    def __init__(self, path: Path, registry: Callable[[], Registry]) -> None:
        self._registry = registry
        self._lock = Lock()
        try:
            self._connection = duckdb.connect(str(path))
        except duckdb.Error as error:
            raise ArchiveUnavailableError(f"{path} cannot be opened: {error}") from error
        columns = ", ".join(f"{name} FLOAT" for name in QUANTITIES)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS readings (sensor INTEGER, time BIGINT, received BIGINT, seq BIGINT,"
            f" flag UTINYINT, gateway INTEGER, {columns})"
        )
        for name in QUANTITIES:  # a newer version may know quantities that an older file does not
            self._connection.execute(f"ALTER TABLE readings ADD COLUMN IF NOT EXISTS {name} FLOAT")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS strain_blocks (sensor INTEGER, start BIGINT, rate_hz DOUBLE,"
            " strain_ue FLOAT[], acceleration_g FLOAT[])"
        )
        self._connection.execute("ALTER TABLE strain_blocks ADD COLUMN IF NOT EXISTS acceleration_g FLOAT[]")
        self._connection.execute("CREATE TABLE IF NOT EXISTS fed (seq BIGINT)")

    def offset(self) -> int:
        """Sequence number of the newest record that is stored; 0 in a new file."""
        with self._lock:
            # fetchall, since an unfinished result blocks the connection
            [(seq,)] = self._connection.execute("SELECT max(seq) FROM fed").fetchall()
        return int(seq or 0)

    def write(self, records: Sequence[tuple[int, Record]]) -> None:
        """Store frames and raw blocks with the new offset in one transaction."""
        fed = self.offset()
        new = [(seq, record) for seq, record in records if seq > fed]
        if not new:
            return
        frame = concat(record for _, record in new if isinstance(record, Frame))
        blocks = [record for _, record in new if isinstance(record, (StrainBlock, AccelerationBlock))]
        with self._lock:
            cursor = self._connection
            try:
                cursor.execute("BEGIN")
                if len(frame):
                    self._insert(cursor, "readings", _table(frame))
                if blocks:
                    self._insert(cursor, "strain_blocks", _blocks_table(blocks))
                cursor.execute("DELETE FROM fed")
                cursor.execute("INSERT INTO fed VALUES (?)", [new[-1][0]])
                cursor.execute("COMMIT")
            except duckdb.Error as error:
                cursor.execute("ROLLBACK")
                raise ArchiveUnavailableError(f"DuckDB cannot store: {error}") from error

    def readings(self, since: int, until: int, sensor_ids: Sequence[str] | None = None) -> pa.Table:
        """Readings with `since` ≤ event time < `until` [µs], by time, without quantities that nobody sent."""
        where, values = "time >= ? AND time < ?", [since, until]
        registry = self._registry()
        if sensor_ids is not None:
            wanted = registry.sensor_indices(sensor_ids)
            where += " AND list_contains(?, sensor)"
            values.append(wanted[wanted >= 0].tolist())
        with self._lock:
            result = self._connection.sql(
                f"SELECT * FROM readings WHERE {where} ORDER BY time, sensor",  # noqa: S608 - fixed text
                params=values,
            ).to_arrow_table()
        names = registry.sensors.texts["sensor_id"].take(result["sensor"].combine_chunks())
        table = pa.table({"sensor_id": names, "t": result["time"].cast(pa.timestamp("us", "UTC"))})
        for name in QUANTITIES:
            column = result[name]
            if column.null_count < len(column):
                table = table.append_column(name, column)
        return table

    def count(self, since: int, until: int) -> int:
        """How many readings there are."""
        found = self._asked("SELECT count(*) AS n FROM readings WHERE time >= ? AND time < ?", [since, until])
        return int(found["n"][0].as_py())

    def extremes(
        self, since: int, until: int, sensor_ids: Sequence[str], bucket_us: int, quantities: Sequence[str]
    ) -> pa.Table:
        """Least and greatest value of each bucket; nobody who writes waits for it."""
        known = [name for name in quantities if name in QUANTITIES]
        wanted = self._registry().sensor_indices(sensor_ids)
        parts = "".join(f", min({name}) AS {name}_min, max({name}) AS {name}_max" for name in known)
        width = max(1, bucket_us)
        result = self._asked(
            f"SELECT sensor, time - ((time % {width}) + {width}) % {width} AS bucket{parts} FROM readings"  # noqa: S608 - names of ours
            " WHERE time >= ? AND time < ? AND list_contains(?, sensor) GROUP BY ALL ORDER BY ALL",
            [since, until, wanted[wanted >= 0].tolist()],
        )
        names = self._registry().sensors.texts["sensor_id"].take(result["sensor"].combine_chunks())
        table = pa.table({"sensor_id": names, "t": result["bucket"].cast(pa.timestamp("us", "UTC"))})
        for name in (f"{quantity}_{end}" for quantity in known for end in ("min", "max")):
            if result[name].null_count < len(result):
                table = table.append_column(name, result[name])
        return table

    def losses(self, since: int, until: int) -> pa.Table:
        """Lost messages by gateway."""
        return self._asked(
            "WITH counted AS (SELECT sensor, seq, any_value(gateway) AS gateway FROM readings"
            " WHERE received >= ? AND received < ? AND seq >= 0 GROUP BY sensor, seq),"
            " steps AS (SELECT sensor, gateway,"
            " seq - lag(seq) OVER (PARTITION BY sensor ORDER BY seq) AS step FROM counted)"
            " SELECT gateway, count(DISTINCT sensor) AS sensors, count(*) AS received,"
            " sum(CASE WHEN step > 1 AND step <= ? THEN step - 1 ELSE 0 END)::BIGINT AS lost"
            " FROM steps GROUP BY gateway ORDER BY lost DESC, gateway",
            [since, until, LARGEST_LEAP],
        )

    def _asked(self, query: str, values: list[object]) -> pa.Table:
        """An answer on a cursor of its own, so that a long question holds up nobody who writes."""
        try:
            with self._lock:
                cursor = self._connection.cursor()
            with cursor:
                return cursor.sql(query, params=values).to_arrow_table()
        except duckdb.Error as error:
            raise ArchiveUnavailableError(f"DuckDB cannot be asked: {error}") from error

    def blocks(self, since: int, until: int, sensor_ids: Sequence[str]) -> pa.Table:
        """Raw blocks that start in `since` ≤ t < `until` [µs], by time."""
        registry = self._registry()
        wanted = registry.sensor_indices(sensor_ids)
        found = self._asked(
            "SELECT sensor, start, rate_hz, strain_ue, acceleration_g FROM strain_blocks"
            " WHERE start >= ? AND start < ? AND list_contains(?, sensor) ORDER BY start, sensor",
            [since, until, wanted[wanted >= 0].tolist()],
        )
        names = registry.sensors.texts["sensor_id"].take(found["sensor"].combine_chunks())
        start = found["start"].cast(pa.timestamp("us", "UTC"))
        samples = (found["strain_ue"], found["acceleration_g"])
        return pa.table([names, start, found["rate_hz"], *samples], BLOCKS.names).cast(BLOCKS)

    def block_hours(self, since: int, until: int, sensor_ids: Sequence[str]) -> pa.Table:
        """Hours in which raw blocks of some sensors start."""
        wanted = self._registry().sensor_indices(sensor_ids)
        found = self._asked(
            "SELECT DISTINCT start // 3600000000 * 3600000000 AS hour FROM strain_blocks"
            " WHERE start >= ? AND start < ? AND list_contains(?, sensor) ORDER BY hour",
            [since, until, wanted[wanted >= 0].tolist()],
        )
        return found.cast(BLOCK_HOURS)

    def forget_blocks(self, before: int) -> None:
        """Drop raw blocks that start before a moment [µs]."""
        with self._lock:
            self._connection.execute("DELETE FROM strain_blocks WHERE start < ?", [before])

    def close(self) -> None:
        """Write everything into the file and let go of it."""
        with self._lock:
            self._connection.close()

    @staticmethod
    def _insert(cursor: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
        cursor.register("incoming", rows)
        try:
            cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")  # noqa: S608 - fixed names
        finally:
            cursor.unregister("incoming")


def _table(frame: Frame) -> pa.Table:
    """NaN means "not measured" in frames; in SQL that is NULL."""
    columns = {name: pa.array(getattr(frame, name)) for name in _KEYS}
    for name, values in frame.columns.items():
        columns[name] = pa.array(values, mask=np.isnan(values))
    return pa.table(columns)


def _blocks_table(blocks: Iterable[RawBlock]) -> pa.Table:
    rows = list(blocks)
    return pa.table(
        {
            "sensor": pa.array([b.sensor for b in rows], pa.int32()),
            "start": pa.array([b.start for b in rows], pa.int64()),
            "rate_hz": pa.array([b.rate_hz for b in rows], pa.float64()),
            "strain_ue": pa.array([getattr(b, "strain_ue", None) for b in rows], pa.list_(pa.float32())),
            "acceleration_g": pa.array(
                [getattr(b, "acceleration_g", None) for b in rows], pa.list_(pa.float32())
            ),
        }
    )
