"""The contract of a source: batches of messages in, acknowledged only when the pipeline says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from config.messages import Language, text
from ingest.message import Message


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that came together.

    messages : list[Message]  In the order in which they came.
    ack : Called once, from the event loop, when everything of the batch is durable. Batches are
        acknowledged in the order in which they were handed over. On a connection that is gone it does
        nothing: the broker sends those messages again.
    """

    messages: list[Message]
    ack: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a source does not hear its broker.

    reason : str  A short stable word: a key of the sentences in the catalogue's `mqtt` file.
    detail : str  What the broker or the operating system said, for whoever wants to know.
    """

    reason: str
    broker: str
    detail: str = ""

    def sentence(self, language: Language = "zh") -> str:
        """What is wrong and what to do about it."""
        return text(f"mqtt.trouble.{self.reason}", language, broker=self.broker, detail=self.detail)


@dataclass(slots=True)
class SourceStatus:
    """How a source is doing, for metrics and the console.

    connections : int  How often a connection came about; more than one means that it was lost before.
    unacknowledged : int  Messages handed over and not yet acknowledged.
    """

    connected: bool = False
    connections: int = 0
    session_resumed: bool = False
    trouble: Trouble | None = None
    unacknowledged: int = 0


class Source(Protocol):
    """Hears one broker; reconnects by itself for as long as it is open."""

    @property
    def status(self) -> SourceStatus:
        """How it is doing."""
        ...

    def batches(self) -> AsyncIterator[Batch]:
        """Batches as they come; ends after `stop`. To be iterated by one consumer."""
        ...

    def stop(self) -> None:
        """Read no more; batches not yet handed over are dropped unacknowledged."""
        ...

    async def close(self) -> None:
        """Send pending acknowledgements, say good-bye to the broker, let go of the connection."""
        ...
