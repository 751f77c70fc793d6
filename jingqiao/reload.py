"""Rules and roster follow their files while the service runs; a faulty file changes nothing, aloud."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from config.faults import FaultsError
from config.roster import Roster, load_roster
from config.rules import RuleSet, load_rules
from config.settings import Settings
from devices.registry import Registry
from jingqiao.clock import Clock
from rules.thresholds import check, resolve

_log = structlog.get_logger()

POLL_S: Final = 2.0

Stamp = tuple[int, int, int] | None
"""What changes when a file does; None = there is no such file."""


@dataclass(slots=True)
class _Watched:
    """One file: what it held when it was last taken, and what was seen of it at the latest look."""

    name: str
    path: Path
    load: Callable[[Path], Any]
    take: Callable[[Any], None]
    taken: Stamp = None
    seen: Stamp = field(default=None)


class Reload:
    """Watches the files that the settings name.

    take_rules, take_roster : called with what a changed file holds, after it was found good.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Callable[[], Registry],
        take_rules: Callable[[RuleSet], None],
        take_roster: Callable[[Roster], None],
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._asked = asyncio.Event()
        self.faulty: dict[Path, int] = {}
        """Files that are faulty now → number of faults; what they held before goes on."""
        self._files: list[_Watched] = []
        if settings.rules is not None:
            self._files.append(_Watched("rules", settings.rules, self._good_rules, take_rules))
        if settings.roster is not None:
            self._files.append(_Watched("roster", settings.roster, load_roster, take_roster))
        for file in self._files:
            file.taken = file.seen = _stamp(file.path)

    def ask(self) -> None:
        """Read every file at the next step, changed or not (SIGHUP)."""
        self._asked.set()

    async def run(self) -> None:
        """Step for ever."""
        while True:
            await self.step()
            await self._clock.sleep(POLL_S)

    async def step(self) -> None:
        """Take files that have changed and are at rest: an editor may still be writing."""
        asked = self._asked.is_set()
        self._asked.clear()
        for file in self._files:
            stamp = await asyncio.to_thread(_stamp, file.path)
            at_rest, file.seen = stamp == file.seen, stamp
            if asked or (at_rest and stamp != file.taken):
                file.taken = stamp
                await self._take(file)

    async def _take(self, file: _Watched) -> None:
        try:
            content = await asyncio.to_thread(file.load, file.path)
        except FaultsError as error:
            _log.error(
                f"the {file.name} file is faulty; the old {file.name} go on",
                file=str(file.path),
                faults=[str(fault) for fault in error.faults],
            )
            self.faulty[file.path] = len(error.faults)
            return
        self.faulty.pop(file.path, None)
        file.take(content)
        version = {"version": content.version()} if isinstance(content, RuleSet) else {}
        _log.info(f"{file.name} taken from the changed file", file=str(file.path), **version)

    def _good_rules(self, path: Path) -> RuleSet:
        """Rules that the engine can take: it cannot refuse them any more once they are in the log."""
        rules = load_rules(path)
        if faults := check(rules):
            raise FaultsError(faults)
        resolve(rules, self._registry())
        return rules


def _stamp(path: Path) -> Stamp:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
