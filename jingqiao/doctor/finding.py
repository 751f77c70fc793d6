"""One finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a check ended."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    check : str  Short stable name: python, names, settings, disk, log, broker, database, archive, …
    fix : str  What to do; "" when all is well.
    """

    check: str
    level: Level
    what: str
    fix: str = ""
