"""The platforms whose messages we understand, by the first level of their topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from devices.registry import Registry
from ingest.envelopes import chirpstack, ctwing, onenet, things_stack
from ingest.envelopes.sparkplug import SparkplugDecoder
from ingest.message import DecodedBatch, Message

Decoder = Callable[[Sequence[Message], Registry], DecodedBatch]

STATELESS: Final[Mapping[str, Decoder]] = {
    "application": chirpstack.decode,
    "v3": things_stack.decode,
    "$sys": onenet.decode,
    "ctwing": ctwing.decode,
}
"""First topic level → decoder of the platforms that need nothing remembered between batches."""


def routes(sparkplug: SparkplugDecoder) -> Mapping[str, Decoder]:
    """First topic level → decoder of every platform.

    sparkplug : SparkplugDecoder  One per broker connection: it remembers births, and says who shall be
        asked for a new one.
    """
    return {**STATELESS, "spBv1.0": sparkplug}
