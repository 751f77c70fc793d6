"""Maintenance windows: when what is seen at an asset is remembered and not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Window:
    """Announced work at one asset.

    start, end : int  By event time, the end not included [µs].
    kind : str  permit (a lid is opened) or intervention (a bridge or a sensor is worked on).
    request : int  Number of the request that asked for it; 0 = it came from a file.
    """

    start: int
    end: int
    kind: str
    note: str
    request: int = 0


class Windows:
    """All windows by asset index."""

    def __init__(self) -> None:
        self._of: dict[int, list[Window]] = {}

    def add(self, asset: int, window: Window) -> None:
        """A window more; one that is known already changes nothing."""
        known = self._of.setdefault(asset, [])
        if window.end > window.start and window not in known:
            known.append(window)
            known.sort(key=lambda w: (w.start, w.end, w.kind, w.note, w.request))

    def until(self, asset: int, time: int) -> int:
        """End of the window that `time` falls in, adjoining windows taken together; 0 = in none."""
        end = 0
        for window in self._of.get(asset, ()):
            if window.start <= max(time, end) < window.end:
                end = window.end
        return end

    def at(self, asset: int, time: int) -> tuple[Window, ...]:
        """Windows that `time` falls in, earliest first."""
        return tuple(window for window in self._of.get(asset, ()) if window.start <= time < window.end)

    def of(self, asset: int) -> tuple[Window, ...]:
        """Windows of an asset, earliest first."""
        return tuple(self._of.get(asset, ()))

    def __bool__(self) -> bool:
        return bool(self._of)

    def state(self) -> list[Any]:
        """JSON-ready state."""
        return [[asset, [asdict(window) for window in windows]] for asset, windows in self._of.items()]

    def restore(self, state: list[Any]) -> None:
        """The state that `state` gave."""
        self._of = {asset: [Window(**window) for window in windows] for asset, windows in state}

    def take(self, asset: int, name: str, payload: Mapping[str, Any]) -> None:
        """A control record `permit` or `intervention`: {from, to (µs), kind, note, request}.

        Raises ValueError.
        """
        try:
            start, end = int(payload["from"]), int(payload["to"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{name} without from and to: {error}") from error
        if end <= start:
            raise ValueError(f"{name} ends before it begins")
        kind = str(payload.get("kind") or name)
        note, request = str(payload.get("note") or ""), int(payload.get("request") or 0)
        self.add(asset, Window(start, end, kind, note, request))
