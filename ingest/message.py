"""What sources hand over and what decoding makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from devices.frame import Frame, empty
from devices.versions import Versions
from ingest.log import Control, DeadLetter, RawBlock, Record

VERSIONS: Final = "versions"
"""Control record of what devices said of themselves: `sensors`, a list of [registry index, firmware,
hardware, serial number, when it was said µs]."""


class Message(NamedTuple):
    """One message as it came.

    received : int  When the server received it [µs since 1970 UTC].
    """

    topic: str
    payload: bytes
    received: int


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """What a batch of messages means; every message ends in exactly one of frame, dead letters or notices.

    frame : Frame  Readings, in the order of the messages; a raw block is here as its features.
    blocks : tuple[RawBlock, ...]  Raw samples of fast gauges and accelerometers.
    dead_letters : tuple[DeadLetter, ...]  What could not be used, whole.
    gateways : key → id  Radio gateways that these messages name (`devices.frame.gateway_key`).
    presence : registry index → (online, event time µs)  Last word of `status` messages and births/deaths.
    unknown_keys : int  How many keys nobody knows were passed over.
    notices : int  Well-formed messages without readings (joins, answers, version reports).
    answers : tuple[Message, ...]  Those that may answer a command: a device's word, or its network's.
    versions : registry index → (what the device said of itself last, when it said so µs).
    """

    frame: Frame = field(default_factory=empty)
    blocks: tuple[RawBlock, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    gateways: Mapping[int, str] = field(default_factory=dict)
    presence: Mapping[int, tuple[bool, int]] = field(default_factory=dict)
    unknown_keys: int = 0
    notices: int = 0
    answers: tuple[Message, ...] = ()
    versions: Mapping[int, tuple[Versions, int]] = field(default_factory=dict)

    @property
    def records(self) -> list[Record]:
        """What goes into the log of it, in this order; the dead letters go beside it."""
        records: list[Record] = [self.frame] if len(self.frame) else []
        records.extend(self.blocks)
        if self.versions:
            rows = [[sensor, *said, at] for sensor, (said, at) in self.versions.items()]
            records.append(Control(VERSIONS, {"sensors": rows}, max(at for _, at in self.versions.values())))
        return records
