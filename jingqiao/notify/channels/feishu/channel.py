"""`feishu://TOKEN?secret=SECRET`: posts text to a Feishu group, signed, and reads the code in the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self

from jingqiao.clock import WallClock
from jingqiao.notify.channels.address import Address, require
from jingqiao.notify.channels.http import Line
from jingqiao.notify.channels.judging import in_parts, judged
from jingqiao.notify.channels.splitting import utf8_parts
from jingqiao.notify.limits import Limit
from jingqiao.notify.sender import Outcome, Outgoing, Receipt

TEXT_BYTES: Final = 18_000
"""The provider refuses requests over 20 KB; JSON around the text needs some [bytes of UTF-8]."""

TEMPORARY: Final = {
    "11232": 60.0,  # more than 100 messages a minute or 5 a second
    "99991400": 60.0,  # the application's own rate
}


def signature(secret: str, timestamp_s: int) -> str:
    """Base64 of HMAC-SHA256 over nothing, keyed with `timestamp\\nsecret` (Feishu's custom bots)."""
    digest = hmac.digest(f"{timestamp_s}\n{secret}".encode(), b"", hashlib.sha256)
    return base64.b64encode(digest).decode()


@dataclass(frozen=True, slots=True)
class Feishu:
    """A Feishu group bot."""

    title: ClassVar[str] = "Feishu group bot"
    scheme: ClassVar[str] = "feishu"
    endpoint: ClassVar[str] = "https://open.feishu.cn"
    limits: ClassVar[tuple[Limit, ...]] = (Limit(5, 1), Limit(100, 60))
    only: ClassVar[tuple[str, ...]] = ()

    token: str = field(repr=False)
    secret: str = field(repr=False)
    line: Line

    @property
    def counted_by(self) -> tuple[str, ...]:
        """The robot."""
        return (self.token,)

    @classmethod
    def of(cls, address: Address, line: Line) -> Self:
        """`feishu://TOKEN?secret=SECRET`"""
        token = address.query.get("token") or address.host
        require(cls.scheme, token=token)
        return cls(token, address.query.get("secret") or address.user, line)

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Post the text, in parts where it is longer than a message may be."""
        return in_parts(utf8_parts(outgoing.body, TEXT_BYTES), self._post)

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:  # noqa: ARG002
        """A group's bot gives no receipts."""
        return None

    def _post(self, content: str) -> Outcome:
        document: dict[str, Any] = {"msg_type": "text", "content": {"text": content}}
        if self.secret:
            now_s = WallClock().now() // 1_000_000  # the provider's clock decides, a simulated one is refused
            document |= {"timestamp": str(now_s), "sign": signature(self.secret, now_s)}
        reply = self.line.post_json(
            f"/open-apis/bot/v2/hook/{self.token}",
            document,
        )
        return judged(
            reply,
            code_of=lambda found: found.get("code", found.get("StatusCode")),
            message_of=lambda found: found.get("msg", found.get("StatusMessage")),
            temporary=TEMPORARY,
        )
