"""Tries a person's channels for real: sends by each, then asks the providers what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from config.roster import Channel
from jingqiao.notify.sender import Delivery, Outcome, Outgoing, Receipt, Result, Sender

ASK_EVERY_S: Final = 3.0
_OVER: Final = (Delivery.DELIVERED, Delivery.READ, Delivery.FAILED, Delivery.NEVER_SEEN)


@dataclass(frozen=True, slots=True)
class Tried:
    """One channel and what it said.

    receipt : Receipt | None  What its provider said afterwards; None where it cannot be asked.
    """

    channel: Channel
    outcome: Outcome
    receipt: Receipt | None = None
    sent_at: int = 0

    @property
    def good(self) -> bool:
        """Whether the message is on its way or there, as far as anybody can know."""
        known = None if self.receipt is None else self.receipt.delivery
        if self.outcome.result is Result.UNKNOWN:
            return known in (Delivery.DELIVERED, Delivery.READ)
        return self.outcome.result is Result.SENT and known is not Delivery.FAILED

    @property
    def open(self) -> bool:
        """Whether asking (again) may tell more."""
        if self.receipt is not None:
            return self.receipt.delivery not in _OVER
        asked_for = self.outcome.result is Result.SENT and bool(self.outcome.provider_id)
        return asked_for or self.outcome.result is Result.UNKNOWN


def try_channels(
    channels: Sequence[Channel],
    outgoing: Callable[[Channel], Outgoing],
    sender: Sender,
    *,
    wait_s: float,
    now: Callable[[], int],
    sleep: Callable[[float], None],
) -> list[Tried]:
    """Send by every channel, then ask for receipts until all are in, at most `wait_s`."""
    tried = []
    for channel in channels:
        at = now()
        tried.append(Tried(channel, sender.send(outgoing(channel)), sent_at=at))
    deadline = now() + round(wait_s * 1_000_000)
    closed: set[int] = set()
    while True:
        for place, one in enumerate(tried):
            if one.open and place not in closed:
                receipt = sender.ask(outgoing(one.channel), one.outcome.provider_id, one.sent_at)
                tried[place] = replace(one, receipt=receipt)
                if receipt is None:
                    closed.add(place)  # this provider cannot be asked
        waiting = [one for place, one in enumerate(tried) if one.open and place not in closed]
        if not waiting or now() >= deadline:
            return tried
        sleep(min(ASK_EVERY_S, max(deadline - now(), 0) / 1_000_000))
