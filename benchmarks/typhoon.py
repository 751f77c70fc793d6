"""A typhoon: 10,000 alarms in one minute; what reaches people, when, and what it costs."""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

ALARMS: Final = 10_000
_BATCHES: Final = 60
"""One a second of the minute."""


def run(alarms: int = ALARMS) -> list[tuple[str, float, str]]:
    """Rows of (what, figure, unit)."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_storm(Path(folder), alarms))


async def _storm(folder: Path, alarms: int) -> list[tuple[str, float, str]]:
    from jingqiao.database import reading
    from jingqiao.notify.outbox import latest_messages
    from rules.alarm import Hazard, Severity
    from tests.support.response import ROSTER, Office, change

    roster = ROSTER.replace("most_an_hour = 100000\ngroup_from = 100000\n", "")
    office = Office(folder, roster)
    grades = [Severity.RED, *[Severity.ORANGE] * 4, *[Severity.YELLOW] * 5]
    before_mb = _peak_mb()
    started = time.perf_counter()
    slowest = 0.0
    for second in range(_BATCHES):
        await office.until(f"03:00:{second:02d}")
        now = time.perf_counter()
        each = range(second * alarms // _BATCHES, (second + 1) * alarms // _BATCHES)
        await office.engine_says(
            *[
                change(
                    asset_id=f"T{i}",
                    hazard=Hazard.FLOODED,
                    severity=grades[i % 10],
                    evidence={"area": f"{i % 40}"},
                )
                for i in each
            ]
        )
        slowest = max(slowest, time.perf_counter() - now)
    took = time.perf_counter() - started
    after_mb = _peak_mb()
    reds = sum("红色" in title for _, to, title, _ in office.phones.got if to == "张三")
    below = Counter(to for _, to, title, _ in office.phones.got if "红色" not in title)
    with reading(office.database) as connection:
        kept = {
            row["incident_id"] for row in latest_messages(connection, 10 * alarms) if row["role"] == "duty"
        }
    lost = alarms - len(kept - {None})
    office.close()
    return [
        (f"typhoon: {alarms:,} alarms in a minute, taken in and told in", took, "s"),
        ("typhoon: slowest second, from the alarms to the last red handed over", slowest, "s"),
        ("typhoon: red handed over", float(reds), f"of {len(range(0, alarms, 10))}"),
        ("typhoon: messages below red to one person, at most", float(max(below.values())), "of 12"),
        ("typhoon: alarms without a row for the duty officer", float(lost), "alarms"),
        ("typhoon: memory on top", after_mb - before_mb, "MB"),
    ]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    for what, figure, unit in run():
        print(f"{what}: {figure:,.2f} {unit}")
