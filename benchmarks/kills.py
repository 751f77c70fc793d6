"""A thousand kill -9 at random moments of the dispatcher: what was lost, what came twice, what counted it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

KILLS: Final = 1000
ALARMS_A_LIFE: Final = 3


def run(kills: int = KILLS) -> list[tuple[str, float, str]]:
    """Rows of (what, figure, unit)."""
    from tests.support.kills import killed

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        tally = killed(Path(folder), kills, ALARMS_A_LIFE)
    providers = len(tally.lost)
    rows = [
        (f"kill -9: {tally.kills:,} lives", time.perf_counter() - started, "s"),
        ("kill -9: messages", float(tally.alarms * providers), f"to {providers} providers"),
        ("kill -9: messages lost", float(sum(tally.lost.values()) - tally.waiting), ""),
        ("kill -9: messages that still waited when patience ended", float(tally.waiting), ""),
    ]
    names = {
        "aliyun": "Aliyun SMS, can be asked",
        "tencent": "Tencent SMS, can be asked",
        "wecom": "WeCom, drops a second copy itself",
        "webhook": "JSON webhook, no way to know",
    }
    rows += [(f"kill -9: came twice, {names[name]}", float(tally.twice[name]), "") for name in names]
    rows.append(("kill -9: repeats that the rows count (`unknown_repeated`)", float(tally.counted), ""))
    return rows


if __name__ == "__main__":
    for what, figure, unit in run():
        print(f"{what}: {figure:,.0f} {unit}")
