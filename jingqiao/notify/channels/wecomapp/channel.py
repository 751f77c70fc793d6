"""`wecomapp://CORPID:SECRET@AGENTID/USERID`: sends to one member of a WeCom corporation."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from jingqiao.clock import WallClock
from jingqiao.notify.channels.address import Address, require
from jingqiao.notify.channels.http import Line, Reply
from jingqiao.notify.channels.judging import in_parts, judged
from jingqiao.notify.channels.splitting import utf8_parts
from jingqiao.notify.limits import Limit
from jingqiao.notify.sender import Delivery, Outcome, Outgoing, Receipt, Result

TEXT_BYTES: Final = 2048
"""Limit of a text message [bytes of UTF-8]."""

DUPLICATE_CHECK_S: Final = 1800
"""How long the provider drops a second copy of the same message [s]."""

TEMPORARY: Final = {
    "-1": None,  # system busy
    "45009": 60.0,  # 30 a minute or 1000 an hour for one member
    "45033": 1.0,  # too many calls at once
}
_STALE_TOKEN: Final = frozenset({"40014", "42001", "40001"})


class TokenCache:
    """The access token of one application: asking for one each time is a way to be locked out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def get(self) -> str | None:
        """The token while it is good, or None."""
        with self._lock:
            return self._token if time.monotonic() < self._until else None

    def put(self, token: str, seconds: float) -> None:
        """Keep a token for so long, a little less."""
        with self._lock:
            self._token, self._until = token, time.monotonic() + max(seconds - 120, 0)

    def forget(self) -> None:
        """The provider does not take it any more."""
        with self._lock:
            self._until = 0.0


@dataclass(frozen=True, slots=True)
class WeComApp:
    """Application messages to one member of a WeCom corporation."""

    title: ClassVar[str] = "WeCom application"
    scheme: ClassVar[str] = "wecomapp"
    endpoint: ClassVar[str] = "https://qyapi.weixin.qq.com"
    limits: ClassVar[tuple[Limit, ...]] = (Limit(30, 60), Limit(1000, 3600))
    only: ClassVar[tuple[str, ...]] = ()

    corpid: str = field(repr=False)
    secret: str = field(repr=False)
    agentid: str
    userid: str = field(repr=False)
    line: Line
    tokens: TokenCache = field(default_factory=TokenCache, repr=False, compare=False)

    @property
    def counted_by(self) -> tuple[str, ...]:
        """The member, in one application."""
        return (self.corpid, self.agentid, self.userid)

    @classmethod
    def of(cls, address: Address, line: Line) -> Self:
        """`wecomapp://CORPID:SECRET@AGENTID/USERID`"""
        require(
            cls.scheme,
            corpid=address.user,
            secret=address.password,
            agentid=address.host,
            userid=address.part(0),
        )
        if "|" in address.part(0):  # of several, one could be unknown and the rest would look like all
            raise ValueError("wecomapp:// names several members; give each person a channel")
        return cls(address.user, address.password, address.host, address.part(0), line)

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Send the text, in parts where it is longer than a message may be."""
        return in_parts(utf8_parts(outgoing.body, TEXT_BYTES), self._send)

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:  # noqa: ARG002
        """The same text within half an hour is dropped by the provider: it may simply be sent again."""
        if provider_id:
            return None  # it was taken; the provider gives no receipts for text
        age_s = (WallClock().now() - sent_at) / 1_000_000
        return Receipt(Delivery.NEVER_SEEN) if age_s < DUPLICATE_CHECK_S else None

    def _send(self, content: str) -> Outcome:
        outcome = self._send_with_token(content)
        if outcome.provider_code in _STALE_TOKEN:
            self.tokens.forget()
            outcome = self._send_with_token(content)
        return outcome

    def _send_with_token(self, content: str) -> Outcome:
        token = self.tokens.get() or self._new_token()
        if isinstance(token, Outcome):
            return token
        reply = self.line.post_json(
            "/cgi-bin/message/send",
            {
                "touser": self.userid,
                "msgtype": "text",
                "agentid": int(self.agentid) if self.agentid.isdigit() else self.agentid,
                "text": {"content": content},
                "enable_duplicate_check": 1,
                "duplicate_check_interval": DUPLICATE_CHECK_S,
            },
            params={"access_token": token},
        )
        outcome = self._judge(reply)
        if outcome.result is not Result.SENT or isinstance(reply, Outcome):
            return outcome
        for reason in ("invaliduser", "unlicenseduser"):
            if self.userid.lower() in str(reply.document.get(reason) or "").lower().split("|"):
                return Outcome(Result.FAILED_PERMANENT, reason, "the provider does not know this member")
        return Outcome(Result.SENT, "0", "", str(reply.document.get("msgid") or ""))

    def _new_token(self) -> str | Outcome:
        reply = self.line.call(
            "GET",
            "/cgi-bin/gettoken",
            params={"corpid": self.corpid, "corpsecret": self.secret},
        )
        outcome = self._judge(reply)
        if isinstance(reply, Reply) and outcome.result is Result.SENT:
            token = str(reply.document.get("access_token") or "")
            self.tokens.put(token, float(reply.document.get("expires_in") or 0))
            return token
        if outcome.result is Result.UNKNOWN:  # only the token was asked for: the message surely never left
            return Outcome(Result.FAILED_TEMPORARY, outcome.provider_code, outcome.detail)
        return outcome

    @staticmethod
    def _judge(reply: Reply | Outcome) -> Outcome:
        return judged(
            reply,
            code_of=lambda document: document.get("errcode"),
            message_of=lambda document: document.get("errmsg"),
            temporary=TEMPORARY,
        )
