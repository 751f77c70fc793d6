"""Silences of many with one cause: who is in which, when each is told, and when it is over."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.registry import Registry
from rules.alarm import AlarmChange, AlarmState, Hazard, Reason, Severity
from rules.common_cause import coincide

HOUR: Final = 3_600_000_000
WHOLE_FLEET: Final = -(2**31)

Sensors = npt.NDArray[np.int32]


@dataclass(slots=True)
class Group:
    """Many silences with one cause.

    key : int  Gateway key, negative for a place, WHOLE_FLEET.
    at : int  When it was judged silent [µs]. low, high : bounds of when the silence began [µs].
    members : int32[m]  As announced. joined : later members, not announced. heard : members heard since.
    """

    key: int
    at: int
    low: int
    high: int
    severity: int
    members: npt.NDArray[np.int32]
    joined: list[int] = field(default_factory=list)
    heard: int = 0


class Groups:
    """Groups that are silent now.

    registry : Registry  For the names of sensors; to be set anew when it grows.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._of: dict[int, Group] = {}
        self._gateway_id: dict[int, str] = {}
        self._said: list[AlarmChange] = []

    def __bool__(self) -> bool:
        return bool(self._of)

    def call_gateway(self, key: int, gateway_id: str) -> None:
        """What the gateway of a key is called."""
        self._gateway_id[key] = gateway_id

    def take_said(self) -> Sequence[AlarmChange]:
        """Groups that fell silent or came back since this was last asked."""
        said, self._said = self._said, []
        return said

    def announce(self, key: int, members: Sensors, low: int, high: int, at: int, severity: Severity) -> None:
        """Tell of a group, or let its members join one that fell silent at the same moment.

        low, high : bounds of when the silence began [µs].
        """
        for group in self._of.values():
            # Neighbouring places, or places and gateways, that fell silent at one moment have one cause; so
            # have the rest of a gateway's sensors, whose heartbeats end later.
            related = group.key < 0 or key < 0 or group.key == key
            if related and coincide(low, high, group.low, group.high):
                group.joined += members.tolist()
                return
        group = Group(key, at, low, high, int(severity), np.sort(members))
        self._of[key] = group
        self._said.append(self._change(group, AlarmState.FIRING, at))

    def joins(self, sensor: int, keys: Sequence[int], low: int, high: int) -> bool:
        """Whether a sensor fell silent with one of the groups of `keys`; then it is a member from now on."""
        for key in keys:
            group = self._of.get(key)
            if group and coincide(low, high, group.low, group.high):
                group.joined.append(sensor)
                return True
        return False

    def heard(self, sensor: int, at: int, gateway: int, group_share: float) -> Sensors:
        """A member is heard again; the members of its group where that is over by this, else none."""
        for group in list(self._of.values()):
            if sensor not in group.joined and sensor not in group.members:
                continue
            group.heard += 1
            size = len(group.members) + len(group.joined)
            few = group.key <= 0 and group.heard < (1 - group_share) * size
            if few or (group.key > 0 and gateway != group.key):
                break
            del self._of[group.key]
            self._said.append(self._change(group, AlarmState.CLEAR, at))
            return np.concatenate([group.members, np.array(group.joined, np.int32)])
        return np.empty(0, np.int32)

    def _change(self, group: Group, state: AlarmState, at: int) -> AlarmChange:
        cause = "outage" if group.key == WHOLE_FLEET else "gateway" if group.key > 0 else "place"
        hours = (at - group.low) / HOUR
        key = f"rules_health.group.{cause}" if state is AlarmState.FIRING else "rules_health.group.back"
        gateway = self._gateway_id.get(group.key, max(group.key, 0))
        members = group.members
        if state is AlarmState.CLEAR:
            members = np.unique(np.concatenate([members, np.array(group.joined, np.int32)]))
        values = {"members": len(members), "value": hours, "gateway": gateway}
        return AlarmChange(
            "",
            Hazard.SILENT,
            Severity(group.severity),
            state,
            at,
            hours,
            (group.at - group.low) / HOUR,
            "h",
            Reason(key, values),
            tuple(self.registry.sensor_id(int(sensor)) for sensor in members),
            evidence={"cause": cause, "gateway": gateway, "last_heard_us": group.low},
        )

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as arrays."""
        groups = list(self._of.values())
        rows = [[g.key, g.at, g.low, g.high, g.severity, g.heard] for g in groups]
        members = [[i, s, 0] for i, g in enumerate(groups) for s in g.members.tolist()]
        members += [[i, s, 1] for i, g in enumerate(groups) for s in g.joined]
        return {
            "groups": np.array(rows, np.int64).reshape(-1, 6),
            "members": np.array(members, np.int32).reshape(-1, 3),
            "gateway_keys": np.array(list(self._gateway_id), np.int32),
            "gateway_ids": np.frombuffer(json.dumps(list(self._gateway_id.values())).encode(), np.uint8),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take a snapshot. Raises KeyError when it is none."""
        members = state["members"]
        self._of = {}
        for i, (key, at, low, high, severity, heard) in enumerate(state["groups"].tolist()):
            own = members[members[:, 0] == i]
            first = own[own[:, 2] == 0, 1].astype(np.int32)
            joined = own[own[:, 2] == 1, 1].tolist()
            self._of[key] = Group(key, at, low, high, severity, first, joined, heard)
        if "gateway_ids" in state:
            ids = json.loads(np.asarray(state["gateway_ids"]).tobytes())
            self._gateway_id = dict(zip(state["gateway_keys"].tolist(), ids, strict=True))
