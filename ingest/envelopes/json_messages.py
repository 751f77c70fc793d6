"""The loop that platforms with JSON messages share: one message after the other, each with its own end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from devices.registry import Registry
from ingest.envelopes.collect import Collector
from ingest.envelopes.named_values import WrongTypeError
from ingest.message import DecodedBatch, Message

Take = Callable[[Collector, int, Message], None]
"""Puts what the message at a row means into the collector. May raise what reading its JSON raises."""


def decode_json(messages: Sequence[Message], registry: Registry, take: Take) -> DecodedBatch:
    """What a batch of messages means; their order is kept."""
    collector = Collector(messages, registry)
    for i, message in enumerate(messages):
        if not collector.fits(i):
            continue
        try:
            take(collector, i, message)
        except (msgspec.DecodeError, UnicodeDecodeError, WrongTypeError) as fault:
            collector.dead(i, _reason(fault), str(fault))
    return collector.batch()


def _reason(fault: Exception) -> str:
    """`json` is no JSON (or no UTF-8), `base64` a payload that is not base64, `envelope` wrong fields."""
    if isinstance(fault, WrongTypeError):
        return "envelope"
    if not isinstance(fault, msgspec.ValidationError):
        return "json"
    return "base64" if "base64" in str(fault) else "envelope"
