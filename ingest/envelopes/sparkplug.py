"""Sparkplug B: `spBv1.0/{group}/{NBIRTH|DBIRTH|NDATA|DDATA|NDEATH|DDEATH}/{node}[/{device}]`.

Births say which number (alias) stands for which metric; data may then come by number alone. So this decoder
remembers, per edge node: its aliases, the number of its session (bdSeq), its devices, and the last sequence
number (0 to 255, over all messages of the node). A gap, or a number nobody announced, makes it ask for a
rebirth: `take_rebirths` gives the nodes, `sparkplug_payload.rebirth_command` what to send them. What it
remembers is lost in a restart and comes back by the same way.

Metrics bear the names of our quantities, or say what the device runs (`PROPERTIES`); others are passed over
and counted. A sensor's id is the device's
path (`group/node/device`), its end (`node/device`), or the device's own name.
Source: Sparkplug 3.0.0 specification (Eclipse Foundation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from devices.codecs.contract import NO_TIME
from devices.registry import UNKNOWN, Registry
from devices.versions import NAMES
from ingest.envelopes.collect import Collector
from ingest.envelopes.named_points import MAX_TIME_US, take
from ingest.envelopes.sparkplug_payload import Metric, NotSparkplugError, Payload, parse, typed
from ingest.message import DecodedBatch, Message

PREFIX: Final = "spBv1.0/"
SESSION: Final = "bdSeq"
CONTROL: Final = ("Node Control/", "Device Control/")
PROPERTIES: Final[Mapping[str, str]] = {
    "fw": "firmware",
    "firmware version": "firmware",
    "hw": "hardware",
    "hardware version": "hardware",
    "serial number": "serial_number",
    "serial": "serial_number",
}
"""What makers call what a device runs, in small letters and without `Properties/`; our own names hold too."""
NODE_KINDS: Final = frozenset({"NBIRTH", "NDATA", "NDEATH"})
DEVICE_KINDS: Final = frozenset({"DBIRTH", "DDATA", "DDEATH"})
COMMANDS: Final = frozenset({"NCMD", "DCMD"})


@dataclass(slots=True)
class _Node:
    """What is remembered of an edge node."""

    born: bool = False
    session: int | None = None
    last_seq: int | None = None
    aliases: dict[int, tuple[str, int | None]] = field(default_factory=dict)
    datatypes: dict[tuple[str, str], int | None] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)


def matches(topic: str) -> bool:
    """Whether a topic is one of Sparkplug B."""
    return topic.startswith(PREFIX)


class SparkplugDecoder:
    """Decodes Sparkplug B messages in the order in which they came; one object per broker connection."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str], _Node] = {}
        self._rebirths: dict[tuple[str, str], str] = {}

    def __call__(self, messages: Sequence[Message], registry: Registry) -> DecodedBatch:
        """What a batch of messages means; their order is kept."""
        collector = Collector(messages, registry)
        for i, message in enumerate(messages):
            if not collector.fits(i):
                continue
            try:
                self._take(collector, i, message)
            except NotSparkplugError as fault:
                collector.dead(i, "envelope", str(fault))
        return collector.batch()

    def take_rebirths(self) -> dict[tuple[str, str], str]:
        """(group, node) → why it shall announce itself anew; each is given once."""
        wanted, self._rebirths = self._rebirths, {}
        return wanted

    def _take(self, collector: Collector, i: int, message: Message) -> None:
        levels = message.topic.split("/")
        if len(levels) >= 2 and levels[1] == "STATE":
            collector.notices += 1
            return
        if len(levels) not in (4, 5) or not all(levels):
            raise NotSparkplugError("topic must be spBv1.0/group/kind/node or …/kind/node/device")
        group, kind, name = levels[1], levels[2], levels[3]
        device = levels[4] if len(levels) == 5 else ""
        if kind in COMMANDS:
            collector.notices += 1
            return
        if kind not in (DEVICE_KINDS if device else NODE_KINDS):
            raise NotSparkplugError(f"topic: {kind} is no message of a {'device' if device else 'node'}")
        payload = parse(message.payload)
        _check(payload, kind)
        key = (group, name)
        node = self._nodes.setdefault(key, _Node())
        if kind == "NDEATH":
            self._node_died(collector, i, key, node, payload)
            return
        self._count(key, node, kind, payload)
        ids = _ids(group, name, device)
        if kind in ("NBIRTH", "DBIRTH"):
            _learn(node, kind, device, payload)
        if kind == "DDEATH":
            node.devices.discard(device)
            _present(collector, i, ids, False, payload)
            collector.notices += 1
            return
        if kind in ("NBIRTH", "DBIRTH"):
            _present(collector, i, ids, True, payload)
        elif not node.born:
            self._want(key, "data came before a birth")
        self._values(collector, i, key, node, device, ids, payload)

    def _values(
        self,
        collector: Collector,
        i: int,
        key: tuple[str, str],
        node: _Node,
        device: str,
        ids: tuple[str, ...],
        payload: Payload,
    ) -> None:
        unnamed = [
            metric.alias for metric in payload.metrics if not metric.name and metric.alias not in node.aliases
        ]
        if unnamed:
            self._want(key, f"alias {unnamed[0]} was never announced")
            collector.dead(i, "envelope", f"alias {unnamed[0]} was never announced; a rebirth is asked for")
            return
        take(collector, i, ids, _points(node, device, payload))

    def _count(self, key: tuple[str, str], node: _Node, kind: str, payload: Payload) -> None:
        if kind != "NBIRTH" and node.last_seq is not None and payload.seq is not None:
            expected = (node.last_seq + 1) % 256
            if payload.seq not in (expected, node.last_seq):
                self._want(key, f"sequence number {expected} expected, found {payload.seq}")
        if payload.seq is not None:
            node.last_seq = payload.seq

    def _want(self, key: tuple[str, str], why: str) -> None:
        self._rebirths.setdefault(key, why)

    def _node_died(
        self, collector: Collector, i: int, key: tuple[str, str], node: _Node, payload: Payload
    ) -> None:
        session = _session(payload)
        collector.notices += 1
        # The last will of an earlier session may come after the birth of the next; it says nothing any more.
        if node.born and session is not None and node.session is not None and session != node.session:
            return
        group, name = key
        for device in ("", *sorted(node.devices)):
            _present(collector, i, _ids(group, name, device), False, payload)
        self._nodes[key] = _Node(session=session)


def _check(payload: Payload, kind: str) -> None:
    if payload.seq is not None and payload.seq > 255:
        raise NotSparkplugError(f"seq must be 0 to 255, found {payload.seq}")
    if payload.seq is None and kind != "NDEATH":
        raise NotSparkplugError(f"{kind} without a sequence number (seq)")
    if not payload.metrics and kind in ("NBIRTH", "NDATA", "DDATA"):
        raise NotSparkplugError(f"{kind} without a metric")


def _ids(group: str, node: str, device: str) -> tuple[str, ...]:
    if not device:
        return (f"{group}/{node}", node)
    return (f"{group}/{node}/{device}", f"{node}/{device}", device)


def _session(payload: Payload) -> int | None:
    for metric in payload.metrics:
        if metric.name == SESSION and isinstance(metric.value, int):
            return metric.value
    return None


def _learn(node: _Node, kind: str, device: str, payload: Payload) -> None:
    if kind == "NBIRTH":
        node.born, node.session = True, _session(payload)
        node.aliases.clear()
        node.datatypes.clear()
        node.devices.clear()
    else:
        node.devices.add(device)
    for metric in payload.metrics:
        if metric.alias is not None and metric.name:
            node.aliases[metric.alias] = (metric.name, metric.datatype)
        node.datatypes[device, metric.name] = metric.datatype


def _points(node: _Node, device: str, payload: Payload) -> Iterator[tuple[int, str, object]]:
    for metric in payload.metrics:
        name, datatype = _named(node, device, metric)
        if metric.value is None or name == SESSION or name.startswith(CONTROL):
            continue
        stated = payload.timestamp if metric.timestamp is None else metric.timestamp
        # A time too great for our columns is left to the clock check as one far ahead.
        time = NO_TIME if stated is None else min(stated * 1000, MAX_TIME_US)
        yield time, _property(name), typed(metric.value, datatype)


def _property(name: str) -> str:
    """Our name of a metric: `Properties/Firmware Version` is `firmware`; others stay as they are."""
    plain = name.removeprefix("Properties/").lower().replace("_", " ")
    return PROPERTIES.get(plain, plain if plain in NAMES else name)


def _named(node: _Node, device: str, metric: Metric) -> tuple[str, int | None]:
    if metric.name:
        known = node.datatypes.get((device, metric.name))
        return metric.name, known if metric.datatype is None else metric.datatype
    assert metric.alias is not None
    name, datatype = node.aliases[metric.alias]
    return name, datatype if metric.datatype is None else metric.datatype


def _present(collector: Collector, i: int, ids: tuple[str, ...], online: bool, payload: Payload) -> None:
    """Presence of a node or device that the registry has; others have none to keep."""
    sensor = int(collector.sensors([ids])[0])
    if sensor != UNKNOWN:
        received = collector.messages[i].received
        stated = received if payload.timestamp is None else payload.timestamp * 1000
        collector.presence[sensor] = (online, min(stated, received))
