"""One cause behind many silences: a gateway, a place, or our own uplink, told before any single lid.

A group is overdue when a set share of its members have each missed their own heartbeat. Because hearing a
member only ever moves that moment later, the earliest such moment is a deadline that ticks can wait for.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from devices.registry import UNBOUND, Registry

Int64 = npt.NDArray[np.int64]

CELL_DEG: Final = 0.02
"""Side of a place where no gateway is known: about 2 km, less than a gateway reaches."""

NO_PLACE: Final = 0

NEVER_TOGETHER: Final = np.iinfo(np.int64).max


def places(registry: Registry) -> npt.NDArray[np.int32]:
    """int32[n_sensors]  Negative key of the grid cell that a sensor lies in; NO_PLACE = unknown."""
    asset = registry.sensors.asset
    key = np.full(len(asset), NO_PLACE, np.int32)
    bound = np.flatnonzero(asset != UNBOUND)
    lon, lat = registry.assets.lon[asset[bound]], registry.assets.lat[asset[bound]]
    located = np.isfinite(lon) & np.isfinite(lat)
    column = np.floor((lon[located] + 180) / CELL_DEG).astype(np.int64)
    row = np.floor((lat[located] + 90) / CELL_DEG).astype(np.int64)
    key[bound[located]] = -1 - (column * 9001 + row).astype(np.int32)
    return key


class Membership:
    """Who belongs to which group, so that it need not be worked out at every look.

    key : int32[n]  Group of each; NO_PLACE belongs to none.
    """

    def __init__(self, key: npt.NDArray[np.int32]) -> None:
        self.key = key
        self.keys = np.unique(key[key != NO_PLACE])
        # Of 16 bits a stable sort counts instead of comparing.
        narrow = np.uint16 if len(self.keys) < 1 << 16 else np.int64
        self._grouped = key != NO_PLACE
        self._group = np.searchsorted(self.keys, key).astype(narrow)
        self._alive = np.zeros(0, bool)
        self._members, self._count = np.zeros((2, 0), np.int64)

    def deadlines(
        self, alive: npt.NDArray[np.bool_], overdue_at: Int64, heard: Int64, share: float, least: int
    ) -> list[tuple[int, int, int]]:
        """(key, latest word, deadline) of each group: when `share` of it is overdue if none is heard again.

        alive, overdue_at, heard : [n]  Who counts, when each has missed its own heartbeat, and its last word.
        Groups of which fewer than `least` count are left out.
        """
        members, count = self._by_group(alive)
        if len(members) < least:
            return []
        end = np.cumsum(count)
        large = np.flatnonzero(count >= least)
        overdue_at, heard = overdue_at[members], heard[members]
        found = []
        for g in large.tolist():
            of = slice(int(end[g] - count[g]), int(end[g]))
            nth = int(np.ceil(share * count[g])) - 1
            moment = int(np.partition(overdue_at[of], nth)[nth])
            found.append((int(self.keys[g]), int(heard[of].max()), moment))
        return found

    def _by_group(self, alive: npt.NDArray[np.bool_]) -> tuple[Int64, Int64]:
        """(members that count, group by group; how many of each). Most looks ask of the same again."""
        if not np.array_equal(alive, self._alive):
            members = np.flatnonzero(alive & self._grouped)
            group = self._group[members]
            self._members = members[np.argsort(group, kind="stable")]
            self._count = np.bincount(group, minlength=len(self.keys))
            self._alive = alive.copy()
        return self._members, self._count


def silences(
    heard: Int64, alive: npt.NDArray[np.bool_], sensor: npt.NDArray[np.int32], received: Int64
) -> tuple[npt.NDArray[np.int64], Int64, Int64]:
    """(sensor, since, until) of all times without a word, given what comes next [µs].

    heard, alive : [n_sensors]  Last word so far; who is asked after.
    sensor, received : [k]  The rows that come next, in order; beyond the last of them nothing is known.
    """
    order = np.argsort(sensor, kind="stable")
    who, until = sensor[order].astype(np.int64), received[order]
    since = np.empty(len(who), np.int64)
    since[1:] = until[:-1]
    first = np.ones(len(who), bool)
    first[1:] = who[1:] != who[:-1]
    since[first] = heard[who[first]]
    last = heard.copy()
    last[sensor] = received
    rest = np.flatnonzero(alive)
    end = np.full(len(rest), received[-1], np.int64)
    return np.concatenate([who, rest]), np.concatenate([since, last[rest]]), np.concatenate([until, end])


def first_together(group: npt.NDArray[np.int64], since: Int64, until: Int64, least: Int64) -> int:
    """Earliest time at which `least[group]` or more of a group's spans overlap; NEVER_TOGETHER = at none.

    group, since, until : [k]  Spans [since, until], groups counted from 0 [µs].
    """
    if len(group) == 0:
        return NEVER_TOGETHER
    low = int(since.min())
    width = int(until.max()) - low + 1
    order = np.argsort(group * width + (since - low))
    begins = (group * width + (since - low))[order]
    ends = np.sort(group * width + (until - low))
    # What lies in groups before has both begun and ended: it cancels.
    together = np.arange(1, len(begins) + 1) - np.searchsorted(ends, begins, "left")
    many = order[together >= least[group[order]]]
    return int(since[many].min()) if len(many) else NEVER_TOGETHER


def coincide(low: int, high: int, since: int, until: int) -> bool:
    """Whether two silences can have begun at one moment.

    [low, high], [since, until]: last word of the group, and the first one that was missed [µs].
    """
    return low <= until and since <= high
