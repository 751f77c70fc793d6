"""Faults in what people write (settings, registry, roster, rules): where, what, and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a file that a person can mend.

    file : str  Path as the user named it.
    line : int | None  Line (text files) or row (sheets), counted from 1; None where the format has none.
    field : str  Key, or column name; "" when the whole line or file is meant.
    problem : str  What is wrong, with the offending value.
    remedy : str  What would be right.
    """

    file: str
    line: int | None
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f"{self.field}: {self.problem}" if self.field else self.problem
        return f"{where}: {what} → {self.remedy}" if self.remedy else f"{where}: {what}"


class FaultsError(ValueError):
    """Raised once with every fault found, so that a person mends a file in one go."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))
