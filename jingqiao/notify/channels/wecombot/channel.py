"""`wecombot://KEY`: posts text to a WeCom group's webhook and reads the error code in the body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from jingqiao.notify.channels.address import Address, require
from jingqiao.notify.channels.http import Line
from jingqiao.notify.channels.judging import in_parts, judged
from jingqiao.notify.channels.splitting import utf8_parts
from jingqiao.notify.limits import Limit
from jingqiao.notify.sender import Outcome, Outgoing, Receipt

TEXT_BYTES: Final = 2048
"""Limit of a text message [bytes of UTF-8]; longer ones are refused or cut by the provider."""

TEMPORARY: Final = {
    "-1": None,  # system busy
    "45009": 60.0,  # more than 20 messages a minute
    "45033": 1.0,  # too many calls at once
}


@dataclass(frozen=True, slots=True)
class WeComBot:
    """A WeCom group bot."""

    title: ClassVar[str] = "WeCom group bot"
    scheme: ClassVar[str] = "wecombot"
    endpoint: ClassVar[str] = "https://qyapi.weixin.qq.com"
    limits: ClassVar[tuple[Limit, ...]] = (Limit(20, 60),)
    only: ClassVar[tuple[str, ...]] = ()

    key: str = field(repr=False)
    line: Line

    @property
    def counted_by(self) -> tuple[str, ...]:
        """The robot."""
        return (self.key,)

    @classmethod
    def of(cls, address: Address, line: Line) -> Self:
        """`wecombot://KEY`"""
        key = address.query.get("key") or address.host
        require(cls.scheme, key=key)
        return cls(key, line)

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Post the text, in parts where it is longer than a message may be."""
        return in_parts(utf8_parts(outgoing.body, TEXT_BYTES), self._post)

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:  # noqa: ARG002
        """A group's bot gives no receipts."""
        return None

    def _post(self, content: str) -> Outcome:
        reply = self.line.post_json(
            "/cgi-bin/webhook/send",
            {"msgtype": "text", "text": {"content": content}},
            params={"key": self.key},
        )
        return judged(
            reply,
            code_of=lambda document: document.get("errcode"),
            message_of=lambda document: document.get("errmsg"),
            temporary=TEMPORARY,
        )
