"""Sends to any channel: own strict ones tell what truly happened, apprise's others only yes or no."""

from __future__ import annotations

import logging
import warnings
from typing import Any, Final

import apprise

from jingqiao.notify.apprise_plugins import register
from jingqiao.notify.channels import strict_channel
from jingqiao.notify.channels.contract import Channel
from jingqiao.notify.sender import APPRISE, Outcome, Outgoing, Receipt, Result

_CONNECT_S: Final = 4.0


class AppriseSender:
    """Any apprise URL, and those of our own channels.

    timeout_s : float  How long a provider may take for one try [s].
    """

    def __init__(self, timeout_s: float = 10.0) -> None:
        self._timeout = (min(_CONNECT_S, timeout_s), timeout_s)
        self._strict: dict[str, Channel] = {}
        _load_plugins()

    def send(self, outgoing: Outgoing) -> Outcome:
        """Try once."""
        try:
            strict = self._strict_channel(outgoing.channel_url)
        except ValueError as error:
            return Outcome(Result.FAILED_PERMANENT, "url", str(error))
        if strict is not None:
            return strict.deliver(outgoing)
        channel = self._apprise_channel(outgoing.channel_url)
        if channel is None:
            return Outcome(Result.FAILED_PERMANENT, "url", "apprise does not know this URL")
        hub = apprise.Apprise()
        hub.add(channel)
        result = hub.notify(title=outgoing.title, body=outgoing.body)
        if result:
            return Outcome(Result.SENT, APPRISE, "apprise says sent; what that is worth is the provider's")
        return Outcome(Result.FAILED_TEMPORARY, "apprise", _why(result))

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        """What became of an earlier try; only own channels can ask."""
        try:
            strict = self._strict_channel(outgoing.channel_url)
        except ValueError:
            return None
        return None if strict is None else strict.ask(outgoing, provider_id, sent_at)

    def _strict_channel(self, url: str) -> Channel | None:
        known = self._strict.get(url)
        if known is None:
            known = strict_channel(url, self._timeout)
            if known is not None:
                self._strict[url] = known  # kept: it may hold an access token
        return known

    def _apprise_channel(self, url: str) -> Any:
        channel: Any = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if channel:
            # One instance a message, so apprise's 5.5 s pause never applies: rates are the dispatcher's.
            channel.request_rate_per_sec = 0
            channel.socket_connect_timeout, channel.socket_read_timeout = self._timeout
        return channel or None


def channel_problem(url: str) -> str | None:
    """Why nothing can ever be sent there; None for a URL that is in order. Tells nothing the URL holds."""
    try:
        if strict_channel(url) is not None:
            return None
    except ValueError as error:
        return str(error)
    _load_plugins()
    if apprise.Apprise.instantiate(url, suppress_exceptions=True):
        return None
    return f"{url.partition(':')[0]}:// is no channel, or lacks a part"


def _load_plugins() -> None:
    """Import apprise's hundred plugins now: the first warning must not wait a second for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # some of them import what Python will drop
        apprise.Apprise.instantiate("json://localhost")
        register()
    # Apprise logs hosts and tokens; what became of a message is a row here.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)


def _why(result: Any) -> str:
    logs = getattr(result, "logs", None)
    entries = [str(getattr(entry, "message", entry)) for entry in logs()] if callable(logs) else []
    return entries[-1] if entries else "apprise says not sent"
