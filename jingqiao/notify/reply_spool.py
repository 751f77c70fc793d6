"""A file for answers that were fetched and are in no database yet: the provider gives none of them twice."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import structlog

from jingqiao.notify.replies import Said

_log = structlog.get_logger()


class ReplySpool:
    """Answers between the provider and the database. Not for several threads at once.

    path : Path  The file; it is there only while something waits, and only its owner may read it: it holds
        phone numbers.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, said: Sequence[Said]) -> None:
        """Write answers down; when this returns they outlast a crash. Raises OSError."""
        if not said:
            return
        fresh = not self._path.exists()
        lines = b"".join(json.dumps(asdict(answer)).encode() + b"\n" for answer in said)
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # A line that a crash has torn ends here, so that it takes no good one with it.
            os.write(file, b"" if fresh else b"\n")
            os.write(file, lines)
            os.fsync(file)
        finally:
            os.close(file)
        if fresh:
            self._sync_folder()

    def waiting(self) -> list[Said]:
        """All that was written down and not forgotten, in its order. Raises OSError."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                found += [Said(**json.loads(line))] if line else []
            except (ValueError, TypeError):
                _log.error("an answer by SMS was torn by a crash and is lost", file=str(self._path))
        return found

    def forget(self) -> None:
        """They are in the database. Raises OSError."""
        self._path.unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
