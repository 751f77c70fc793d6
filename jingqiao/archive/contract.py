"""What an archive is to the rest: takes records with their sequence numbers, remembers how far it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from ingest.log import Record


class Archive(Protocol):
    """Long-term store of readings. Writing the same records again changes nothing."""

    def offset(self) -> int:
        """Sequence number of the newest record that is safely stored; 0 in a new archive."""
        ...

    def write(self, records: Sequence[tuple[int, Record]]) -> None:
        """Store frames and strain blocks and move the offset. Raises ArchiveUnavailableError: try again."""
        ...

    def readings(self, since: int, until: int, sensor_ids: Sequence[str] | None = None) -> pa.Table:
        """Readings with `since` ≤ event time < `until` [µs], by time: `sensor_id`, `t` (UTC), quantities."""
        ...

    def forget_blocks(self, before: int) -> None:
        """Drop raw strain blocks that start before a moment [µs]; their features stay."""
        ...

    def close(self) -> None:
        """Let go of the storage."""
        ...


class ArchiveUnavailableError(RuntimeError):
    """The archive cannot store now. The log keeps the records until it can."""
