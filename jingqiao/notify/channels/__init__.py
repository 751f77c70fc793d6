"""Own strict senders, one folder each: a provider's no inside an HTTP 200 is a no."""

from __future__ import annotations

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


def plain_phone(number: str) -> str:
    """`+8613800000000`, `008613…`, `8613…` and `138 0000 0000` are all 13800000000."""
    digits = "".join(sign for sign in number if sign.isdigit())
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) - len(prefix) >= 11:
            return digits.removeprefix(prefix)
    return digits


def meant_for(url: str) -> tuple[str, ...]:
    """Severities that the channel of a URL is meant for by itself; () = all."""
    kind = CHANNELS.get(url.partition(":")[0].lower())
    return () if kind is None else kind.only
