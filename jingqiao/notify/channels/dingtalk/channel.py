"""`dingtalk://SECRET@TOKEN/PHONE…`: posts signed text to a DingTalk group, reads its code."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from jingqiao.clock import WallClock
from jingqiao.notify.channels.address import Address, require
from jingqiao.notify.channels.http import Line
from jingqiao.notify.channels.judging import in_parts, judged
from jingqiao.notify.channels.splitting import utf8_parts
from jingqiao.notify.limits import Limit
from jingqiao.notify.sender import Outcome, Outgoing, Receipt

TEXT_BYTES: Final = 18_000
"""The provider refuses requests over 20,000 bytes; JSON around the text needs some [bytes of UTF-8]."""

TEMPORARY: Final = {
    "-1": None,  # system busy
    "130101": 60.0,  # more than 20 messages a minute
    "410100": 60.0,
    "90018": 1.0,  # too many calls at once
}


def signature(secret: str, timestamp_ms: int) -> str:
    """Base64 of HMAC-SHA256 over `timestamp\\nsecret`, keyed with the secret (DingTalk's custom robots)."""
    digest = hmac.digest(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


@dataclass(frozen=True, slots=True)
class DingTalk:
    """A DingTalk group robot; phone numbers in the path are called by @."""

    title: ClassVar[str] = "DingTalk group robot"
    scheme: ClassVar[str] = "dingtalk"
    endpoint: ClassVar[str] = "https://oapi.dingtalk.com"
    limits: ClassVar[tuple[Limit, ...]] = (Limit(20, 60),)
    only: ClassVar[tuple[str, ...]] = ()

    token: str = field(repr=False)
    secret: str = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)
    line: Line

    @property
    def counted_by(self) -> tuple[str, ...]:
        """The robot, whomever it calls by @."""
        return (self.token,)

    @classmethod
    def of(cls, address: Address, line: Line) -> Self:
        """`dingtalk://SECRET@TOKEN/PHONE…`"""
        token = address.query.get("token") or address.host
        require(cls.scheme, token=token)
        return cls(token, address.query.get("secret") or address.user, address.path, line)

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Post the text, in parts where it is longer than a message may be."""
        return in_parts(utf8_parts(outgoing.body, TEXT_BYTES), self._post)

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:  # noqa: ARG002
        """A group's bot gives no receipts."""
        return None

    def _post(self, content: str) -> Outcome:
        params = {"access_token": self.token}
        if self.secret:
            now_ms = WallClock().now() // 1000  # the provider's clock decides, a simulated one is refused
            params |= {"timestamp": str(now_ms), "sign": signature(self.secret, now_ms)}
        reply = self.line.post_json(
            "/robot/send",
            {
                "msgtype": "text",
                "text": {"content": content},
                "at": {"atMobiles": list(self.phones), "isAtAll": False},
            },
            params=params,
        )
        return judged(
            reply,
            code_of=lambda document: document.get("errcode"),
            message_of=lambda document: document.get("errmsg"),
            temporary=TEMPORARY,
        )
