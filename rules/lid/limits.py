"""Limits by row: one number where all sensors share a rule set, a column where classes differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from config.lid_rules import LidRules


class Limits:
    """Limits of some rows.

    `limits["open_deg"]` is float32[1] when there is one rule set, else float32[k]: it broadcasts.
    """

    def __init__(
        self,
        table: dict[str, npt.NDArray[np.float32]],
        rows: npt.NDArray[np.uint16] | None = None,
        least: dict[str, np.float32] | None = None,
    ) -> None:
        self._table = table
        self._rows = rows
        self._least: dict[str, np.float32] = {} if least is None else least

    @classmethod
    def of(cls, sets: Sequence[LidRules]) -> Limits:
        """The table of all distinct rule sets."""
        return cls(
            {
                name: np.array([float(getattr(rules, name)) for rules in sets], np.float32)
                for name in LidRules.model_fields
            }
        )

    def __getitem__(self, name: str) -> npt.NDArray[np.float32]:
        column = self._table[name]
        return column if self._rows is None else column[self._rows]

    def least(self, name: str) -> np.float32:
        """The least of a limit over all rule sets: nothing below it is of interest to any."""
        if name not in self._least:
            self._least[name] = np.float32(self._table[name].min())
        return self._least[name]

    def at(self, class_of: npt.NDArray[np.uint16], sensors: npt.NDArray[Any]) -> Limits:
        """Limits of some sensors."""
        one = len(next(iter(self._table.values()))) == 1
        return Limits(self._table, None if one else class_of.take(sensors), self._least)

    def take(self, rows: npt.NDArray[Any]) -> Limits:
        """Limits of some of the rows."""
        return self if self._rows is None else Limits(self._table, self._rows[rows], self._least)
