"""A value that takes long to find: kept, shown with its time, and found anew in the background."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread
from typing import Generic, TypeVar

import structlog

Value = TypeVar("Value")

_log = structlog.get_logger()


class Kept(Generic[Value]):
    """find : () → the value; runs in a thread of its own, one at a time. good_for_us : oldest age [µs]."""

    def __init__(self, find: Callable[[], Value], now: Callable[[], int], good_for_us: int) -> None:
        self._find = find
        self._now = now
        self._good_for_us = good_for_us
        self._lock = Lock()
        self._value: Value | None = None
        self._at: int | None = None
        self._thread: Thread | None = None

    def get(self, wait_s: float = 0.0) -> tuple[Value | None, int | None]:
        """The newest value and when it was found [µs]; (None, None) while the first is being looked for.

        wait_s : how long the asker can wait where there is none yet.
        """
        with self._lock:
            stale = self._at is None or self._now() - self._at > self._good_for_us
            if stale and self._thread is None:
                self._thread = Thread(target=self._run, name="kept", daemon=True)
                self._thread.start()
            thread = self._thread if self._at is None else None
        if thread is not None and wait_s:
            thread.join(wait_s)
        with self._lock:
            return self._value, self._at

    def _run(self) -> None:
        try:
            value = self._find()
            with self._lock:
                self._value, self._at = value, self._now()
        except Exception:
            _log.exception("a value that pages show could not be found; what was known stays")
        finally:
            with self._lock:
                self._thread = None
