"""`alivoice://KEY_ID:KEY_SECRET@TTS_CODE/PHONE?show=0571…&times=3`: a call that reads a template aloud.

The text-to-speech template may use the variables of SMS; `?params=hazard,place` names those it has.
Source: help.aliyun.com, SingleCallByTts, QueryCallDetailByCallId, 语音通知流控 and 运营商回执错误码.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self

from jingqiao.clock import WallClock
from jingqiao.notify.channels.address import Address, require
from jingqiao.notify.channels.aliyun import Account, judged_code, out_id, template_json, variables
from jingqiao.notify.channels.http import Line, Reply
from jingqiao.notify.limits import Limit
from jingqiao.notify.phone_number import plain_phone
from jingqiao.notify.sender import Delivery, Outcome, Outgoing, Receipt

NOTICE: Final = "11000000300006"
"""Product number of voice notices in `QueryCallDetailByCallId`."""
PUSHED_WITHIN_S: Final = 90.0
"""How long a call that nobody saw begin may still be told of by a push [s]; it cannot be asked for without
its number, and the provider takes one call a minute for one phone anyway."""
LISTENED: Final = "200000"
HUNG_UP_EARLY: Final = "200001"
UNDER_WAY: Final = frozenset({"200100", "200101", "200102", "200103", "300000"})


@dataclass(frozen=True, slots=True)
class AliVoice:
    """A call to one phone."""

    title: ClassVar[str] = "Aliyun voice call"
    scheme: ClassVar[str] = "alivoice"
    endpoint: ClassVar[str] = "https://dyvmsapi.aliyuncs.com"
    limits: ClassVar[tuple[Limit, ...]] = (Limit(1, 60), Limit(5, 3600), Limit(20, 86_400))
    only: ClassVar[tuple[str, ...]] = ("red",)

    account: Account
    template: str
    phone: str = field(repr=False)
    show: str
    times: int
    fields: tuple[str, ...]

    @property
    def counted_by(self) -> tuple[str, ...]:
        """The number that is called."""
        return (plain_phone(self.phone),)

    @classmethod
    def of(cls, address: Address, line: Line) -> Self:
        """`alivoice://KEY_ID:KEY_SECRET@TTS_CODE/PHONE`"""
        require(
            cls.scheme,
            key_id=address.user,
            key_secret=address.password,
            template=address.host,
            phone=address.part(0),
        )
        times = address.query.get("times", "3")
        if times not in ("1", "2", "3"):
            raise ValueError("alivoice:// reads its text 1 to 3 times; write ?times=3")
        return cls(
            Account(address.user, address.password, "2017-05-25", line),
            address.host,
            address.part(0),
            address.query.get("show", ""),
            int(times),
            variables(address.query.get("params", "")),
        )

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Call, and read the message's short facts aloud."""
        params = {
            "CalledNumber": self.phone,
            "TtsCode": self.template,
            "TtsParam": template_json(outgoing, self.fields),
            "PlayTimes": str(self.times),
            "OutId": out_id(outgoing.reference),
        }
        if self.show:
            params["CalledShowNumber"] = self.show
        return judged_code(self.account.call("SingleCallByTts", params), "CallId")

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:  # noqa: ARG002
        """How a call ended, by its number; a call without one can only be told of by a push."""
        if not provider_id:
            young = WallClock().now() - sent_at < PUSHED_WITHIN_S * 1_000_000
            return Receipt(Delivery.NOT_YET) if young else None
        query = {"CallId": provider_id, "ProdId": NOTICE, "QueryDate": str(sent_at // 1000)}
        reply = self.account.call("QueryCallDetailByCallId", query)
        if not isinstance(reply, Reply) or reply.document.get("Code") != "OK":
            return Receipt(Delivery.NOT_YET, "query", "the provider could not be asked")
        return _detail(str(reply.document.get("Data") or ""))


def call_ended(code: str, heard_s: float, *, ended: bool) -> Receipt:
    """What a call's state means. code : `200000`, … ; heard_s : how long somebody listened [s]."""
    if code == LISTENED:
        return Receipt(Delivery.READ, code)
    if code == HUNG_UP_EARLY or heard_s > 0:
        return Receipt(Delivery.DELIVERED, code)
    if not ended or code in UNDER_WAY:
        return Receipt(Delivery.WAITING, code)
    return Receipt(Delivery.FAILED, code)


def seconds(value: object) -> float:
    """`10`, "10" or "10秒" [s]; 0 for anything else."""
    digits = str(value if value is not None else "").removesuffix("秒")
    return float(digits) if digits.replace(".", "", 1).isdigit() else 0.0


def _detail(data: str) -> Receipt:
    try:
        found = json.loads(data)
    except ValueError:
        return Receipt(Delivery.NOT_YET)
    detail: Mapping[str, Any] = found if isinstance(found, dict) else {}
    heard_s = seconds(detail.get("duration"))
    code = str(detail.get("state") or "")
    return call_ended(code, heard_s, ended=bool(detail.get("endDate")) or code.startswith("2000"))
