"""What a strict channel offers, and how one is made from its URL."""

from __future__ import annotations

from typing import ClassVar, Protocol, Self

from jingqiao.notify.channels.address import Address
from jingqiao.notify.channels.http import Line
from jingqiao.notify.limits import Limit
from jingqiao.notify.sender import Outcome, Outgoing, Receipt


class Channel(Protocol):
    """One provider's way to one recipient. Immutable; used in worker threads."""

    scheme: ClassVar[str]
    title: ClassVar[str]
    """The provider's name for people."""
    endpoint: ClassVar[str]
    """Where the provider listens; `?endpoint=` in the URL names another: an installation on the user's own
    premises (政务微信), a proxy, or a fake in a test."""

    limits: ClassVar[tuple[Limit, ...]]
    """How many the provider takes; () = unknown, its own refusals are heard."""

    only: ClassVar[tuple[str, ...]]
    """Severities that it is meant for where the roster does not say; () = all."""

    @property
    def counted_by(self) -> tuple[str, ...]:
        """What the provider counts its limits by: not the whole URL, of which a changed word starts no new
        count over there."""
        ...

    @classmethod
    def of(cls, address: Address, line: Line) -> Self:
        """The channel of a URL. Raises ValueError naming what the URL lacks."""
        ...

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Try once and tell what truly happened."""
        ...

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        """What became of an earlier try; None where the provider cannot be asked."""
        ...
