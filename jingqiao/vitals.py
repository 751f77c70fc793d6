"""How the running service is: plain counters and gauges, read by health, metrics, doctor and the demo."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Vitals:
    """Counted by the one loop that runs the service; nobody else writes.

    started_at : int  [µs since 1970 UTC]
    applied_seq : int  Newest log record that the engine has judged.
    applied_at : int  When it did so [µs]; 0 before the first.
    last_reading_at : int  Event time of the newest reading judged [µs]; 0 before the first.
    changes : Counter[(hazard, state)]  Alarm changes since start.
    engine_s : float  Time spent in the engine [s].
    snapshot_seq : int  Sequence number of the newest engine snapshot on disk.
    open_incidents : Counter[severity colour]  Incidents open now.
    nobody_on_duty : int  Messages that found nobody on duty.
    """

    started_at: int
    applied_seq: int = 0
    applied_at: int = 0
    last_reading_at: int = 0
    readings: int = 0
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    engine_s: float = 0.0
    snapshot_seq: int = 0
    open_incidents: Counter[str] = field(default_factory=Counter)
    nobody_on_duty: int = 0
