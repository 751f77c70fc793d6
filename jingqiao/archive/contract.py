"""What an archive is to the rest: takes records with their sequence numbers, remembers how far it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import pyarrow as pa

from ingest.log import Record

LARGEST_LEAP: Final = 1000
"""Counts by which a frame counter may leap and still tell of lost messages."""


BLOCKS: Final = pa.schema(
    [
        ("sensor_id", pa.string()),
        ("start", pa.timestamp("us", "UTC")),
        ("rate_hz", pa.float64()),
        ("strain_ue", pa.list_(pa.float32())),
        ("acceleration_g", pa.list_(pa.float32())),
    ]
)
"""Columns of raw blocks; a block has samples in one of the last two, the other is null."""


BLOCK_HOURS: Final = pa.schema([("hour", pa.int64())])
"""Column of the hours that have raw blocks."""


class Archive(Protocol):
    """Long-term store of readings. Writing the same records again changes nothing."""

    def offset(self) -> int:
        """Sequence number of the newest record that is safely stored; 0 in a new archive."""
        ...

    def write(self, records: Sequence[tuple[int, Record]]) -> None:
        """Store frames and raw blocks and move the offset. Raises ArchiveUnavailableError: try again."""
        ...

    def readings(self, since: int, until: int, sensor_ids: Sequence[str] | None = None) -> pa.Table:
        """Readings with `since` ≤ event time < `until` [µs], by time: `sensor_id`, `t` (UTC), quantities."""
        ...

    def count(self, since: int, until: int) -> int:
        """About how many readings `readings` would give: asked before a span is read whole."""
        ...

    def extremes(
        self, since: int, until: int, sensor_ids: Sequence[str], bucket_us: int, quantities: Sequence[str]
    ) -> pa.Table:
        """Least and greatest value of each bucket of time, so that years fit on a screen and no peak is lost.

        Buckets begin at multiples of `bucket_us` since 1970; those without readings are left out. Rows by
        sensor and time: `sensor_id`, `t` (UTC, the bucket's begin), `<quantity>_min`, `<quantity>_max`; of
        quantities that nobody sent there is no column. Raises ArchiveUnavailableError.
        """
        ...

    def losses(self, since: int, until: int) -> pa.Table | None:
        """Messages lost on the way by frame counter, for each gateway that messages came by, of those that
        were received in `since` ≤ t < `until` [µs]: `gateway` (key), `sensors`, `received`, `lost`.

        A counter that leaps by more than LARGEST_LEAP was set back, not lost. None where the archive keeps no
        counters.
        """
        ...

    def blocks(self, since: int, until: int, sensor_ids: Sequence[str]) -> pa.Table:
        """Raw blocks that start in `since` ≤ t < `until` [µs], by time: columns as `BLOCKS`. Empty where none
        are kept. Raises ArchiveUnavailableError.
        """
        ...

    def block_hours(self, since: int, until: int, sensor_ids: Sequence[str]) -> pa.Table:
        """Hours in which raw blocks of some sensors start, `since` ≤ hour < `until` [µs], by time: `hour` [µs
        since 1970 UTC, int64]. Raises ArchiveUnavailableError.
        """
        ...

    def forget_blocks(self, before: int) -> None:
        """Drop raw blocks that start before a moment [µs]; their features stay."""
        ...

    def close(self) -> None:
        """Let go of the storage."""
        ...


class ArchiveUnavailableError(RuntimeError):
    """The archive cannot store now. The log keeps the records until it can."""
