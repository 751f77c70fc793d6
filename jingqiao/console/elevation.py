"""Where each sensor of a bridge stands on its elevation drawing: sections along, place up and down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH: Final = 1000
LEFT, RIGHT = 70, 930
DECK, SOFFIT = 90, 170
"""Upper and lower edge of the girder."""
HEIGHT: Final = 290
_UP: Final = ("上", "顶", "面板", "桥面", "top", "upper", "deck")
_DOWN: Final = ("下", "底", "bottom", "lower", "soffit")
_STEP: Final = 34


@dataclass(frozen=True, slots=True)
class Mark:
    """One sensor on the drawing: x, y of its middle in the drawing's units, and its row of `bridge_state`."""

    x: int
    y: int
    sensor: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Elevation:
    """sections : (x, name) along the bridge. marks : sensors. piers : x of each."""

    sections: tuple[tuple[int, str], ...]
    marks: tuple[Mark, ...]
    piers: tuple[int, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    deck: int = DECK
    soffit: int = SOFFIT


def elevation(sensors: Sequence[Mapping[str, Any]]) -> Elevation:
    """A drawing from the registry alone: sections evenly spaced, sensors by the words of their place.

    Sensors without a section stand in one of their own at the end.
    """
    names = list(dict.fromkeys(str(row["section"]) for row in sensors))
    names.sort(key=lambda name: name == "")
    gap = (RIGHT - LEFT) / max(len(names), 1)
    places = {name: round(LEFT + gap * (i + 0.5)) for i, name in enumerate(names)}
    room = max(1, int(gap // _STEP) - 1)
    marks: list[Mark] = []
    for name, x in places.items():
        rows: dict[int, list[Mapping[str, Any]]] = {}
        for row in sensors:
            if row["section"] == name:
                rows.setdefault(_height(row), []).append(row)
        for y, beside in rows.items():
            for i, row in enumerate(beside):
                column, line = i % room, i // room
                across = min(len(beside), room)
                marks.append(
                    Mark(round(x + (column - (across - 1) / 2) * _STEP), y + _way(y) * line * _STEP, row)
                )
    spans = max(2, min(len(names) + 1, 6))
    piers = tuple(round(LEFT + (RIGHT - LEFT) * i / (spans - 1)) for i in range(spans))
    return Elevation(tuple((x, name) for name, x in places.items()), tuple(marks), piers)


def _height(row: Mapping[str, Any]) -> int:
    """Thermometers above the deck, movements below the girder, gauges where their place says."""
    if row["role"] == "temperature":
        return DECK - 38
    if row["role"] != "gauge":
        return SOFFIT + 42
    place = str(row["location"]).lower()
    if any(word in place for word in _DOWN):
        return SOFFIT - 16
    if any(word in place for word in _UP):
        return DECK + 16
    return (DECK + SOFFIT) // 2


def _way(y: int) -> int:
    return -1 if y < DECK else 1
