"""The contract of senders: one message to one channel of one person, and what truly became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

APPRISE: Final = "apprise"
"""`provider_code` of what went through apprise, which does not read the answer."""
NO_CONNECTION: Final = "no connection"
"""`provider_code` of a try that never reached the provider: it does not count against its limit."""


class Result(StrEnum):
    """What a provider made of a try."""

    SENT = "sent"
    """The provider took it, for this recipient."""
    FAILED_TEMPORARY = "failed_temporary"
    """It surely did not take it; later it may."""
    FAILED_PERMANENT = "failed_permanent"
    """It surely did not take it and will not: wrong key, unknown recipient."""
    UNKNOWN = "unknown"
    """It was asked and nobody knows: a time-out or a torn connection after the request was out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try.

    provider_code, detail : str  In the provider's own words; never a secret or a phone number.
    provider_id : str  The provider's number for the message, to ask for its receipt.
    retry_after_s : float | None  How long the provider wants to be left alone.
    """

    result: Result
    provider_code: str = ""
    detail: str = ""
    provider_id: str = ""
    retry_after_s: float | None = None


class Delivery(StrEnum):
    """What a provider says afterwards."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    NOT_YET = "not_yet"
    """Nobody can say yet: ask again."""
    NEVER_SEEN = "never_seen"
    """The provider has no such message, or drops a second copy by itself: it may be sent again."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider says of an earlier try."""

    delivery: Delivery
    provider_code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one channel.

    to : str  The person's name, for people who watch.
    channel_url : str  An apprise URL. Holds secrets: never logged.
    fields : name → text  Short facts for template SMS: severity, hazard, place, code, incident.
    reference : str  Our own name of the message: the same on every try.
    """

    to: str
    channel_url: str
    title: str
    body: str
    fields: Mapping[str, str] = field(default_factory=dict)
    reference: str = ""


class Sender(Protocol):
    """Hands messages to providers. Called in worker threads; may block; a provider's no is no exception."""

    def send(self, outgoing: Outgoing) -> Outcome:
        """Try once."""
        ...

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        """What became of an earlier try; None where the provider cannot be asked.

        provider_id : str  "" after a time-out: then it is found by recipient, reference and time.
        sent_at : int  [µs since 1970 UTC]
        """
        ...
