"""One service for one data directory: two would number the log's records twice and both tell people."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_NAME = "service.lock"


class AlreadyRunningError(RuntimeError):
    """Another process serves this data directory."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the directory; the system lets go of it when the process ends, however it ends.

    Raises AlreadyRunningError, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(str(folder)) from None
        yield
