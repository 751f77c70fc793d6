"""Own strict senders, one folder each: a provider's no inside an HTTP 200 is a no."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from jingqiao.notify.channels.address import parse
from jingqiao.notify.channels.alisms.channel import AliSms
from jingqiao.notify.channels.alivoice.channel import AliVoice
from jingqiao.notify.channels.contract import Channel
from jingqiao.notify.channels.dingtalk.channel import DingTalk
from jingqiao.notify.channels.feishu.channel import Feishu
from jingqiao.notify.channels.http import Line
from jingqiao.notify.channels.tencentsms.channel import TencentSms
from jingqiao.notify.channels.wecomapp.channel import WeComApp
from jingqiao.notify.channels.wecombot.channel import WeComBot
from jingqiao.notify.limits import Limit
from jingqiao.notify.phone_number import plain_phone

CHANNELS: Final[Mapping[str, type[Channel]]] = MappingProxyType(
    {kind.scheme: kind for kind in (WeComBot, WeComApp, DingTalk, Feishu, AliSms, TencentSms, AliVoice)}
)
"""Scheme of a URL → our own strict channel."""


def strict_channel(url: str, timeout: tuple[float, float] = (4.0, 10.0)) -> Channel | None:
    """Our own channel for a URL; None where apprise has to send it. Raises ValueError for a wrong URL."""
    address = parse(url)
    kind = CHANNELS.get(address.scheme)
    if kind is None:
        return None
    endpoint = (address.query.get("endpoint") or kind.endpoint).rstrip("/")
    return kind.of(address, Line(endpoint, timeout, verify=address.query.get("verify") != "no"))


def limits_of(url: str) -> tuple[Limit, ...]:
    """How many messages the provider of a URL takes; () where that is unknown."""
    kind = CHANNELS.get(url.partition(":")[0].lower())
    return () if kind is None else kind.limits


def phone_of(url: str) -> str:
    """The phone that a channel's URL reaches, without country code; "" where it reaches none or is wrong."""
    try:
        channel = strict_channel(url)
    except ValueError:
        return ""
    return plain_phone(str(getattr(channel, "phone", "")))


def account_of(url: str) -> str:
    """What the messages of a channel's URL count as in the ledger, with no way back to it.

    Of our own channels what the provider counts by (`Channel.counted_by`); of any other the whole URL.
    """
    try:
        channel = strict_channel(url)
    except ValueError:
        channel = None
    return mark_of(url if channel is None else "\n".join((channel.scheme, *channel.counted_by)))


def mark_of(written: str) -> str:
    """The same word for the same text, and no way back to it: URLs hold keys."""
    return hashlib.sha256(written.encode()).hexdigest()[:24]


def meant_for(url: str) -> tuple[str, ...]:
    """Severities that the channel of a URL is meant for by itself; () = all."""
    kind = CHANNELS.get(url.partition(":")[0].lower())
    return () if kind is None else kind.only
