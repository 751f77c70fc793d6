"""Engine snapshots on disk: written whole or not at all, the newest readable one wins."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

_log = structlog.get_logger()
_MAGIC = b"JQSNAP1\n"
_KEEP = 2
_HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class SnapshotHead:
    """What a snapshot belongs to.

    seq : int  Newest log record whose effect is in it.
    registry_version : int  Registry that the engine knew then.
    """

    seq: int
    registry_version: int


def write_snapshot(folder: Path, head: SnapshotHead, state: bytes) -> Path:
    """Write one snapshot and drop all but the newest two."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"engine-{head.seq:016d}.bin"
    fresh = path.with_suffix(".new")
    header = json.dumps(asdict(head)).encode()
    with fresh.open("wb") as file:
        file.write(_MAGIC + struct.pack("<I", len(header)) + header)
        file.write(state)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    for old in sorted(folder.glob("engine-*.bin"))[:-_KEEP]:
        old.unlink(missing_ok=True)
    return path


def snapshots(folder: Path) -> Iterator[tuple[SnapshotHead, bytes]]:
    """Readable snapshots, newest first; a damaged one is passed over with a word in the log."""
    for path in sorted(folder.glob("engine-*.bin"), reverse=True):
        try:
            data = path.read_bytes()
            head, start = _head(data)
        except (OSError, ValueError, TypeError, struct.error) as error:
            _log.warning(
                "engine snapshot cannot be used; trying an older one", file=path.name, reason=str(error)
            )
            continue
        yield head, data[start:]


def snapshot_heads(folder: Path) -> list[SnapshotHead]:
    """What the kept snapshots belong to, newest first; damaged ones are left out."""
    heads = []
    for path in sorted(folder.glob("engine-*.bin"), reverse=True):
        try:
            with path.open("rb") as file:
                heads.append(_head(file.read(_HEAD_BYTES))[0])
        except (OSError, ValueError, TypeError, struct.error):
            continue
    return heads


def _head(data: bytes) -> tuple[SnapshotHead, int]:
    """The head, and where the state begins. Raises ValueError, TypeError, struct.error."""
    if not data.startswith(_MAGIC):
        raise ValueError("no snapshot")
    (size,) = struct.unpack_from("<I", data, len(_MAGIC))
    start = len(_MAGIC) + 4
    return SnapshotHead(**json.loads(data[start : start + size])), start + size
