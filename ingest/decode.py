"""The router: which decoder understands a message, by the first level of its topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import structlog

from devices.frame import concat
from devices.registry import Registry
from ingest import native
from ingest.log import DeadLetter
from ingest.message import DecodedBatch, Message
from ingest.native_schema import PREFIX

Decoder = Callable[[Sequence[Message], Registry], DecodedBatch]

_log = structlog.get_logger()


class Router:
    """Messages of any platform → columns.

    routes : first topic level → decoder, for everything that is not native (`application`, `v3`, …).

    A pure function of messages and registry, but for what stateful decoders (Sparkplug) keep.
    Rows come in the order in which the messages were received. Messages that one read of the socket
    brought from several platforms keep their order within each platform; a sensor speaks through one.
    """

    def __init__(self, routes: Mapping[str, Decoder]) -> None:
        self._routes: Mapping[str, Decoder] = {**routes, PREFIX.partition("/")[0]: native.decode}

    def __call__(self, messages: Sequence[Message], registry: Registry) -> DecodedBatch:
        """What the messages mean. Never raises on any message."""
        lines = "\n" + "\n".join([message[0] for message in messages])
        if lines.count("\n" + PREFIX) == len(messages) == lines.count("\n"):
            return _safely(native.decode, messages, registry)
        groups: dict[str, list[Message]] = {}
        for message in messages:
            groups.setdefault(message[0].partition("/")[0], []).append(message)
        return _merge(
            [_safely(self._routes.get(level, _no_route), group, registry) for level, group in groups.items()]
        )


def _no_route(messages: Sequence[Message], registry: Registry) -> DecodedBatch:  # noqa: ARG001 - a Decoder
    return DecodedBatch(
        dead_letters=tuple(
            DeadLetter(
                message.received,
                message.topic,
                message.payload,
                "topic",
                f"topic: {message.topic!r} belongs to no platform that is known; {PREFIX}… is the native one",
            )
            for message in messages
        )
    )


def _safely(decoder: Decoder, messages: Sequence[Message], registry: Registry) -> DecodedBatch:
    """What the decoder says; a decoder that raises loses only the messages it raises on."""
    try:
        return decoder(messages, registry)
    except Exception as error:
        if len(messages) > 1:
            half = len(messages) // 2
            return _merge(
                [_safely(decoder, messages[:half], registry), _safely(decoder, messages[half:], registry)]
            )
        message = messages[0]
        _log.exception(
            "decode.defect",
            topic=message.topic,
            sentence="A decoder failed on this message. It is kept as a dead letter; report the defect.",
        )
        detail = f"decoder: {type(error).__name__}: {error}".replace("\n", " ")
        return DecodedBatch(
            dead_letters=(DeadLetter(message.received, message.topic, message.payload, "defect", detail),)
        )


def _merge(parts: Sequence[DecodedBatch]) -> DecodedBatch:
    if len(parts) == 1:
        return parts[0]
    frame = concat([part.frame for part in parts if len(part.frame)])
    received = frame.received
    if (np.diff(received) < 0).any():
        frame = frame.take(np.argsort(received, kind="stable"))
    return DecodedBatch(
        frame,
        tuple(block for part in parts for block in part.blocks),
        tuple(letter for part in parts for letter in part.dead_letters),
        {key: name for part in parts for key, name in part.gateways.items()},
        {sensor: state for part in parts for sensor, state in part.presence.items()},
        sum(part.unknown_keys for part in parts),
        sum(part.notices for part in parts),
        tuple(message for part in parts for message in part.answers),
        {sensor: said for part in parts for sensor, said in part.versions.items()},
    )
