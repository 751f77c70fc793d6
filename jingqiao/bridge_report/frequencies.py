"""Plots of natural frequencies: their change over time, and against temperature."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import numpy as np

MOST_MODES: Final = 4
"""Plots side by side that can still be read."""
NEWEST_DAYS: Final = 30
LEVELS: Final = ((-3.0, "#ef6c00"), (-5.0, "#c62828"))
"""JT/T 1037-2022 table 9 [%]."""


class Draws(Protocol):
    """What the report's other plots are drawn with."""

    def figure(self, height: float, columns: int = 1) -> tuple[Any, Any]:
        """A figure and its axes."""
        ...

    def svg(self, figure: Any) -> str:
        """The figure as an SVG element."""
        ...


def frequencies(draw: Draws, found: Mapping[str, Any] | None) -> dict[str, str]:
    """`time`, `warm` → SVG; "" where there is nothing to draw."""
    rows = [row for row in found["modes"] if len(row["daily"]) > 1] if found else []
    judged = [row for row in rows if any(day["compensated_percent"] is not None for day in row["daily"])]
    with_warm = [row for row in rows if all(day["temperature_c"] is not None for day in row["daily"])]
    return {"time": _over_time(draw, judged), "warm": _against_temperature(draw, with_warm[:MOST_MODES])}


def _over_time(draw: Draws, rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    figure, axes = draw.figure(2.4)
    least = 0.0
    for number, row in enumerate(rows):
        days = [day for day in row["daily"] if day["compensated_percent"] is not None]
        when = [datetime.fromtimestamp(day["day"] / 1e6 + 43_200, UTC) for day in days]
        change = np.array([day["compensated_percent"] for day in days])
        error = np.array([day["error_percent"] for day in days])
        label = f"{row['mode']}: {row['reference_hz']:.2f} Hz"
        colour = f"C{number % 10}"
        axes.plot(when, change, color=colour, linewidth=0.9, marker=".", markersize=2, label=label)
        axes.fill_between(when, change - 2 * error, change + 2 * error, color=colour, alpha=0.12, linewidth=0)
        least = min(least, float(change.min()))
    axes.axhline(0, color="#999999", linewidth=0.7)
    for level, colour in LEVELS:
        if least < level + 1.5:
            axes.axhline(level, color=colour, linewidth=0.9, linestyle="--")
    axes.set_ylabel("%")
    figure.autofmt_xdate(rotation=0, ha="center")
    axes.legend(fontsize=6.5, ncols=min(len(rows), 5), loc="upper center", bbox_to_anchor=(0.5, 1.18))
    return draw.svg(figure)


def _against_temperature(draw: Draws, rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    figure, all_axes = draw.figure(2.2, len(rows))
    for number, (row, axes) in enumerate(zip(rows, np.atleast_1d(all_axes), strict=True)):
        warm = [day["temperature_c"] for day in row["daily"]]
        hz = [day["frequency_hz"] for day in row["daily"]]
        colour = f"C{number % 10}"
        axes.plot(warm, hz, ".", color=colour, markersize=3, alpha=0.35)
        axes.plot(warm[-NEWEST_DAYS:], hz[-NEWEST_DAYS:], ".", color="#1b1b1b", markersize=3)
        axes.set_title(f"{row['mode']}", fontsize=8)
        axes.set_xlabel("°C")
        if number == 0:
            axes.set_ylabel("Hz")
    return draw.svg(figure)
