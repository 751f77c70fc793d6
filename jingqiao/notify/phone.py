"""A phone in memory: shows what each person would have got. For the demo and for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jingqiao.clock import Clock
from jingqiao.notify.sender import Outcome, Outgoing, Receipt, Result


@dataclass(frozen=True, slots=True)
class Shown:
    """One message on somebody's phone; `at` [µs since 1970 UTC]."""

    to: str
    at: int
    title: str
    body: str
    reference: str


class PhoneSender:
    """Takes every message whatever its channel, and keeps it.

    on_message : Called in the sending thread with each message as it arrives.
    """

    def __init__(self, clock: Clock, on_message: Callable[[Shown], None] | None = None) -> None:
        self._clock = clock
        self._on_message = on_message
        self.messages: list[Shown] = []

    def send(self, outgoing: Outgoing) -> Outcome:
        """Show it."""
        shown = Shown(outgoing.to, self._clock.now(), outgoing.title, outgoing.body, outgoing.reference)
        self.messages.append(shown)
        if self._on_message is not None:
            self._on_message(shown)
        return Outcome(Result.SENT)

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:  # noqa: ARG002
        """A phone in memory gives no receipts."""
        return None
