"""Named arrays and a JSON header as one block of bytes: the form in which engine state is kept."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MAGIC: Final = b"JQSTATE1"
_ALIGN: Final = 64


def pack(header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """One block: magic, CRC-32, length of the header, header, arrays."""
    directory: list[list[Any]] = []
    parts: list[bytes | memoryview] = []
    offset = 0
    for name, array in arrays.items():
        flat = np.ascontiguousarray(array)
        directory.append([name, flat.dtype.str, list(array.shape), offset])
        padding = -flat.nbytes % _ALIGN
        parts += [flat.reshape(-1).view(np.uint8).data, bytes(padding)]
        offset += flat.nbytes + padding
    head = json.dumps({"header": header, "arrays": directory}).encode()
    head += b" " * (-(len(MAGIC) + 12 + len(head)) % _ALIGN)
    crc = zlib.crc32(head)
    for part in parts:
        crc = zlib.crc32(part, crc)
    return b"".join([MAGIC, crc.to_bytes(4, "little"), len(head).to_bytes(8, "little"), head, *parts])


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Header and arrays (read-only views). Raises ValueError when the block is damaged or of another kind."""
    view = memoryview(data)
    start = len(MAGIC) + 12
    if len(view) < start or bytes(view[: len(MAGIC)]) != MAGIC:
        raise ValueError("not a snapshot of an engine")
    crc = int.from_bytes(view[len(MAGIC) : len(MAGIC) + 4], "little")
    length = int.from_bytes(view[len(MAGIC) + 4 : start], "little")
    if zlib.crc32(view[start:]) != crc:
        raise ValueError("the snapshot is damaged: its checksum is wrong")
    head = json.loads(bytes(view[start : start + length]))
    body = start + length
    arrays = {}
    for name, dtype, shape, offset in head["arrays"]:
        count = int(np.prod(shape, dtype=np.int64))
        flat = np.frombuffer(view, np.dtype(dtype), count, body + offset) if count else np.empty(0, dtype)
        arrays[name] = flat.reshape(shape)
    return head["header"], arrays
