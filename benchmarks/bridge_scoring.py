"""Score the bridge's detectors on synthetic series with known truth: `python benchmarks/bridge_scoring.py`.

Prints Markdown tables for docs/detection-bridge.md. Seeds from `--seed` on; none of them was used for tuning
when it is 100 or more.
"""

from __future__ import annotations

import argparse
import time

from benchmarks.bridge_scoring_minutes import campaigns, days, staged, worlds
from benchmarks.bridge_scoring_years import months


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20, help="days of four gauges, the whole engine")
    parser.add_argument("--worlds", type=int, default=50, help="the fast test alone")
    parser.add_argument("--campaigns", type=int, default=10, help="lorries and jacks, the whole backtest")
    parser.add_argument("--sections", type=int, default=40, help="years: the slow test alone")
    parser.add_argument("--sick", type=int, default=20, help="years: sections through the whole detector")
    parser.add_argument("--seed", type=int, default=100)
    chosen = parser.parse_args()
    began = time.perf_counter()
    if chosen.records:
        days(chosen.records, chosen.seed)
    if chosen.worlds:
        worlds(chosen.worlds, chosen.seed)
        staged(chosen.worlds, chosen.seed)
    if chosen.campaigns:
        campaigns(chosen.campaigns, chosen.seed)
    if chosen.sections:
        months(chosen.sections, chosen.sick, chosen.seed)
    print(f"\nSeed {chosen.seed}; {time.perf_counter() - began:.0f} s.")


if __name__ == "__main__":
    main()
