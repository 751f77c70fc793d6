"""A calendar month in the office's zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo


@dataclass(frozen=True, slots=True)
class Month:
    """since ≤ t < until [µs since 1970 UTC]. name : "2026-10"."""

    name: str
    since: int
    until: int
    zone: tzinfo

    def local(self, at: int) -> datetime:
        """A moment in the office's time."""
        return datetime.fromtimestamp(at / 1e6, self.zone)


def month_of(name: str, zone: tzinfo) -> Month:
    """The month that "2026-10" names. Raises ValueError."""
    found = re.fullmatch(r"(\d{4})-(\d{1,2})", name.strip())
    if not found or not 1 <= int(found[2]) <= 12:
        raise ValueError(f"{name!r} is no month; write it as 2026-10")
    year, month = int(found[1]), int(found[2])
    first = datetime(year, month, 1, tzinfo=zone)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return Month(f"{year:04d}-{month:02d}", int(first.timestamp() * 1e6), int(after.timestamp() * 1e6), zone)
