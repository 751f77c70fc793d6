"""Finds assets by what people remember of them: the end of a number, a road, a name, a sensor's number.

A million rows are looked through by Arrow's substring kernels; roads are compared once a word.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from devices.registry import UNBOUND, UNKNOWN, Registry
from jingqiao.map.city_map import facts_of

LONGEST: Final = 100
"""Characters of a question that are looked at."""

HOW: Final = ("tail", "name", "road")
"""What a word can fit, the best first."""

Rows = npt.NDArray[np.int64]


def search(registry: Registry, asked: str, limit: int = 20) -> list[dict[str, Any]]:
    """Assets that fit every word, the best first, at most `limit`.

    A number that is known whole comes first; then numbers that end with the words, names and roads that begin
    with them, and whatever contains them. Each is `facts_of` with `how`: id, sensor, tail, name, road.
    """
    words = asked[:LONGEST].encode("utf-8", "ignore").decode().split()
    if not words:
        return []
    found: dict[int, str] = {}
    if len(words) == 1:
        _exact(registry, words[0], found)
        if "id" in found.values():
            return [{**facts_of(registry, row), "how": how} for row, how in found.items()][:limit]
    rows: Rows | None = None
    best = np.empty(0, np.uint8)
    for word in sorted(words, key=len, reverse=True):
        how = _how(registry, word, rows)
        kept = np.flatnonzero(how < len(HOW))
        rows = kept if rows is None else rows[kept]
        best = how[kept] if not len(best) else np.minimum(best[kept], how[kept])
        if not len(rows):
            break
    assert rows is not None
    for row in rows[np.argsort(best, kind="stable")[: limit + len(found)]].tolist():
        found.setdefault(row, HOW[int(best[np.searchsorted(rows, row)])])
    return [{**facts_of(registry, row), "how": how} for row, how in list(found.items())[:limit]]


def _exact(registry: Registry, word: str, found: dict[int, str]) -> None:
    asset = registry.asset_index(word)
    if asset != UNKNOWN:
        found[asset] = "id"
    for spelling in (word, word.lower(), word.upper()):
        sensor = registry.sensor_index(spelling)
        if sensor != UNKNOWN and (own := int(registry.sensors.asset[sensor])) != UNBOUND:
            found.setdefault(own, "sensor")


def _how(registry: Registry, word: str, rows: Rows | None) -> npt.NDArray[np.uint8]:
    """uint8[k]  Place in HOW by which each row fits a word; len(HOW) = not at all. rows : None = all."""
    texts = registry.assets.texts
    n = len(registry.assets) if rows is None else len(rows)
    fits = np.full(n, len(HOW), np.uint8)
    for column, test, how in (
        ("road", pc.match_substring, "road"),
        ("name", pc.match_substring, "name"),
        ("asset_id", pc.ends_with, "tail"),
    ):
        fits[_where(texts[column], rows, test, word)] = HOW.index(how)
    return fits


def _where(column: pa.Array, rows: Rows | None, test: Any, word: str) -> npt.NDArray[np.bool_]:
    some = column if rows is None else column.take(pa.array(rows))
    # Comparing without regard to case costs three times as much: only where there is any.
    any_case = word.lower() != word.upper()
    if pa.types.is_dictionary(some.type):
        words = test(some.dictionary, word, ignore_case=any_case).to_numpy(zero_copy_only=False)
        of_words: npt.NDArray[np.bool_] = words[some.indices.to_numpy(zero_copy_only=False)]
        return of_words
    found: npt.NDArray[np.bool_] = test(some, word, ignore_case=any_case).to_numpy(zero_copy_only=False)
    return found
