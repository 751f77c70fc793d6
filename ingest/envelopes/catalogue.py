"""The platforms whose messages we understand: by topic, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from devices.registry import Registry
from ingest.envelopes import chirpstack, ctwing, onenet, things_stack
from ingest.message import DecodedBatch, Message


class Envelope(NamedTuple):
    """One platform.

    matches : topic → whether it is this platform's.
    decode : What a batch of its messages means.
    """

    name: str
    matches: Callable[[str], bool]
    decode: Callable[[Sequence[Message], Registry], DecodedBatch]


ENVELOPES: Final[tuple[Envelope, ...]] = (
    Envelope("chirpstack", chirpstack.matches, chirpstack.decode),
    Envelope("things_stack", things_stack.matches, things_stack.decode),
    Envelope("onenet", onenet.matches, onenet.decode),
    Envelope("ctwing", ctwing.matches, ctwing.decode),
)
"""Platforms that need nothing remembered between batches."""
