"""Finds rows by id, a whole batch at once: a hash table in two arrays, a tenth of a dict's memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

NOT_FOUND: Final = -1

_U64 = npt.NDArray[np.uint64]
_MASK: Final = (1 << 64) - 1
_MULTIPLIER: Final = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio, odd: spreads neighbouring words over all bits (Knuth, TAOCP 3, 6.4)."""
_SHIFT: Final = 29
_FINISH: Final = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
"""Factors of MurmurHash3's 64-bit finalizer (Appleby, public domain): ids differ in their last digits."""


class IdIndex:
    """Row of each id.

    ids : pyarrow string array[n]  All different. Kept, and compared with: a hash alone could be forged.
    Look-ups are by linear probing, vectorized over the batch.
    """

    def __init__(self, ids: pa.Array) -> None:
        self._ids = ids.cast(pa.string())
        size = 8
        while size < 2 * len(ids):
            size *= 2
        self._mask = size - 1
        self._rows = np.full(size, NOT_FOUND, np.int32)
        self._tags = np.zeros(size, np.uint32)
        hashes = _hashes(self._ids)
        rows = np.arange(len(ids), dtype=np.int32)
        slots = (hashes & np.uint64(self._mask)).astype(np.int64)
        while len(rows):
            free = self._rows[slots] == NOT_FOUND
            self._rows[slots[free]] = rows[free]  # of several for one slot, one stays
            waiting = np.flatnonzero(self._rows[slots] != rows)
            settled = np.flatnonzero(self._rows[slots] == rows)
            self._tags[slots[settled]] = (hashes[settled] >> np.uint64(32)).astype(np.uint32)
            rows, hashes = rows[waiting], hashes[waiting]
            slots = (slots[waiting] + 1) & self._mask

    def find(self, ids: Sequence[str]) -> npt.NDArray[np.int32]:
        """int32[k]  Row of each id; NOT_FOUND where there is none."""
        found = np.full(len(ids), NOT_FOUND, np.int32)
        try:
            asked = pa.array(ids, pa.string())
        except UnicodeEncodeError:  # a lone surrogate is in no id that was imported
            return np.array([self.find_one(key) for key in ids], np.int32)
        hashes = _hashes(asked)
        tags = (hashes >> np.uint64(32)).astype(np.uint32)
        slots = (hashes & np.uint64(self._mask)).astype(np.int64)
        open_ = np.arange(len(ids))
        while len(open_):
            rows = self._rows[slots]
            same = (rows != NOT_FOUND) & (self._tags[slots] == tags[open_])
            found[open_[same]] = rows[same]
            on = ~same & (rows != NOT_FOUND)
            open_, slots = open_[on], (slots[on] + 1) & self._mask
        hits = np.flatnonzero(found != NOT_FOUND)
        if len(hits):
            equal = pc.equal(self._ids.take(pa.array(found[hits])), asked.take(pa.array(hits)))
            for i in hits[~equal.to_numpy(zero_copy_only=False)].tolist():
                found[i] = self.find_one(ids[i])
        return found

    def find_one(self, key: str) -> int:
        """Row of one id, or NOT_FOUND."""
        try:
            data = key.encode()
        except UnicodeEncodeError:
            return NOT_FOUND
        hashed = _hash(data)
        tag, slot = hashed >> 32, hashed & self._mask
        while (row := int(self._rows[slot])) != NOT_FOUND:
            if self._tags[slot] == tag and self._ids[row].as_py() == key:
                return row
            slot = (slot + 1) & self._mask
        return NOT_FOUND


def _hash(data: bytes) -> int:
    """The hash of one id; `_hashes` is its vectorized twin."""
    value = len(data) * _MULTIPLIER & _MASK
    for start in range(0, len(data), 8):
        value = (value ^ int.from_bytes(data[start : start + 8], "little")) * _MULTIPLIER & _MASK
        value ^= value >> _SHIFT
    for factor in _FINISH:
        value = value * factor & _MASK
        value ^= value >> 33
    return value


def _hashes(ids: pa.Array) -> _U64:
    """uint64[n]  Hash of each id over its UTF-8, eight bytes at a time."""
    n = len(ids)
    _, offsets_buffer, data_buffer = ids.buffers()
    if n == 0 or offsets_buffer is None:
        return np.zeros(n, np.uint64)
    offsets = np.frombuffer(offsets_buffer, np.int32)[ids.offset : ids.offset + n + 1].astype(np.int64)
    data = np.zeros(int(offsets[-1]) + 8, np.uint8)
    if data_buffer is not None:
        data[:-8] = np.frombuffer(data_buffer, np.uint8)[: offsets[-1]]
    words = np.ndarray((len(data) - 7,), np.dtype("<u8"), data.data, strides=(1,))
    starts, lengths = offsets[:-1], np.diff(offsets)
    multiplier, shift = np.uint64(_MULTIPLIER), np.uint64(_SHIFT)
    values = lengths.astype(np.uint64) * multiplier
    longest = int(lengths.max())
    for done in range(0, longest, 8):
        rest = lengths - done
        some = slice(None) if bool((rest > 0).all()) else np.flatnonzero(rest > 0)
        left = np.minimum(rest[some], 8).astype(np.uint64)
        word = words[starts[some] + done] & (np.uint64(_MASK) >> (np.uint64(64) - left * np.uint64(8)))
        mixed = (values[some] ^ word) * multiplier
        values[some] = mixed ^ (mixed >> shift)
    for factor in _FINISH:
        values *= np.uint64(factor)
        values ^= values >> np.uint64(33)
    return values
