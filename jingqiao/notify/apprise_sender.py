"""Sends through apprise: own strict plugins tell what truly happened, others only yes or no."""

from __future__ import annotations

import logging
import warnings
from typing import Any, Final, Protocol, runtime_checkable

import apprise

from jingqiao.notify.sender import Outcome, Outgoing, Receipt, Result

_QUIET: Final = logging.getLogger("apprise")


@runtime_checkable
class StrictChannel(Protocol):
    """What our own plugins offer beyond apprise's `send`."""

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Try once and tell what truly happened."""
        ...

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        """What became of an earlier try; None where the provider cannot be asked."""
        ...


class AppriseSender:
    """Any apprise URL.

    timeout_s : float  How long a provider may take for one try [s].
    """

    def __init__(self, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        _load_plugins()
        _QUIET.setLevel(logging.CRITICAL)  # apprise logs hosts and tokens; outcomes are rows here

    def send(self, outgoing: Outgoing) -> Outcome:
        """Try once."""
        channel = self._channel(outgoing.channel_url)
        if channel is None:
            return Outcome(Result.FAILED_PERMANENT, "url", "apprise does not know this URL")
        if isinstance(channel, StrictChannel):
            return channel.deliver(outgoing)
        hub = apprise.Apprise()
        hub.add(channel)
        result = hub.notify(title=outgoing.title, body=outgoing.body)
        if result:
            return Outcome(Result.SENT, "apprise", "apprise says sent; what that is worth is the provider's")
        return Outcome(Result.FAILED_TEMPORARY, "apprise", _why(result))

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        """What became of an earlier try; only own plugins can ask."""
        channel = self._channel(outgoing.channel_url)
        return channel.ask(outgoing, provider_id, sent_at) if isinstance(channel, StrictChannel) else None

    def _channel(self, url: str) -> Any:
        channel = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if channel:
            # One instance a message, so apprise's 5.5 s pause never applies: rates are the dispatcher's.
            channel.request_rate_per_sec = 0
            channel.socket_connect_timeout = min(4.0, self._timeout_s)
            channel.socket_read_timeout = self._timeout_s
        return channel or None


def _load_plugins() -> None:
    """Import apprise's hundred plugins now: the first warning must not wait a second for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # some of them import what Python will drop
        apprise.Apprise.instantiate("json://localhost")


def _why(result: Any) -> str:
    logs = getattr(result, "logs", None)
    try:
        entries = [str(getattr(entry, "message", entry)) for entry in logs()] if callable(logs) else []
    except (TypeError, AttributeError):
        entries = []
    return entries[-1] if entries else "apprise says not sent"
