"""Our strict channels as apprise plugins: whoever sends through apprise hears the provider's no as well."""

from __future__ import annotations

from typing import Any

import apprise
from apprise.manager_plugins import NotificationManager

from jingqiao.notify.channels import CHANNELS, strict_channel
from jingqiao.notify.sender import Outgoing, Result

_Base: Any = apprise.NotifyBase


class _Strict(_Base):  # type: ignore[misc]  # apprise is half typed
    """One plugin for all of them; the URL's scheme decides which channel it is."""

    request_rate_per_sec = 0
    title_maxlen = 0
    body_maxlen = 1_000_000

    def __init__(self, strict_url: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        channel = strict_channel(strict_url)
        assert channel is not None
        self._channel = channel

    def send(self, body: str, title: str = "", **_: Any) -> bool:
        """True when the provider took the message for this recipient."""
        outcome = self._channel.deliver(Outgoing(to="", channel_url="", title=title, body=body))
        return outcome.result is Result.SENT

    def url(self, *_: Any, **__: Any) -> str:
        """Only the kind of channel: whoever prints this must not learn a key."""
        return f"{self.secure_protocol}://"

    @staticmethod
    def parse_url(url: str, *_: Any, **__: Any) -> dict[str, Any] | None:
        """The whole URL: the channel takes it apart itself, and keeps the case of keys."""
        try:
            strict_channel(url)
        except ValueError:
            return None
        return {"schema": url.split(":", 1)[0].lower(), "host": "strict", "strict_url": url, "qsd": {}}


def register() -> None:
    """Let apprise use our channels, instead of its own where both have one. May be called again."""
    manager: Any = NotificationManager
    plugins = manager()
    for scheme, kind in CHANNELS.items():
        named = {"secure_protocol": scheme, "service_name": kind.title, "templates": ("{schema}://",)}
        plugins.add(type(f"Strict{kind.__name__}", (_Strict,), named), force=True)
