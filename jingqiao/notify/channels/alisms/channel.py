"""`alisms://KEY_ID:KEY_SECRET@TEMPLATE/PHONE?sign=签名`: template SMS through Aliyun, asked after a time-out.

The template may use ${severity}, ${hazard}, ${place}, ${id} and ${note}; `?params=hazard,place` names those
it has, where not all.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar, Final, Self

from jingqiao.clock import WallClock
from jingqiao.notify.channels.address import Address, require
from jingqiao.notify.channels.alisms.signing import authorization, canonical_query
from jingqiao.notify.channels.http import Line, Reply
from jingqiao.notify.limits import Limit
from jingqiao.notify.sender import Delivery, Outcome, Outgoing, Receipt, Result

FIELDS: Final = ("severity", "hazard", "place", "id", "note")
VARIABLE_CHARACTERS: Final = 35
"""Limit of one template variable [characters]."""
SETTLE_S: Final = 20.0
"""How long after a try its record may be missing in `QuerySendDetails` though it was made [s]."""
_CHINA: Final = timezone(timedelta(hours=8))
_TEMPORARY: Final = {
    "isv.BUSINESS_LIMIT_CONTROL": 60.0,
    "Throttling": 1.0,
    "Throttling.User": 1.0,
    "Throttling.Api": 1.0,
    "isp.SYSTEM_ERROR": None,
    "isp.RAM_PERMISSION_DENY": None,
    "ServiceUnavailable": None,
    "InternalError": None,
}


@dataclass(frozen=True, slots=True)
class AliSms:
    """Aliyun SMS to one phone."""

    title: ClassVar[str] = "Aliyun SMS"
    scheme: ClassVar[str] = "alisms"
    endpoint: ClassVar[str] = "https://dysmsapi.aliyuncs.com"
    limits: ClassVar[tuple[Limit, ...]] = (Limit(50, 86_400),)

    key_id: str = field(repr=False)
    key_secret: str = field(repr=False)
    template: str
    phone: str = field(repr=False)
    sign: str
    fields: tuple[str, ...]
    line: Line

    @classmethod
    def of(cls, address: Address, line: Line) -> Self:
        """`alisms://KEY_ID:KEY_SECRET@TEMPLATE/PHONE?sign=签名`"""
        sign = address.query.get("sign", "")
        require(
            cls.scheme,
            key_id=address.user,
            key_secret=address.password,
            template=address.host,
            phone=address.part(0),
            sign=sign,
        )
        fields = tuple(name for name in address.query.get("params", "").split(",") if name) or FIELDS
        return cls(address.user, address.password, address.host, address.part(0), sign, fields, line)

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Send the template with the message's short facts."""
        facts = outgoing.fields or {"place": outgoing.body.splitlines()[0] if outgoing.body else ""}
        values = {name: facts.get(name, "")[:VARIABLE_CHARACTERS] or "-" for name in self.fields}
        reply = self._request(
            "SendSms",
            {
                "PhoneNumbers": self.phone,
                "SignName": self.sign,
                "TemplateCode": self.template,
                "TemplateParam": json.dumps(values, ensure_ascii=False),
                "OutId": out_id(outgoing.reference),
            },
        )
        outcome = _judge(reply)
        if outcome.result is Result.SENT and isinstance(reply, Reply):
            return Outcome(Result.SENT, "OK", "", str(reply.document.get("BizId") or ""))
        return outcome

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        """Find the message among those sent to this number on that day, by our own number for it."""
        sent = datetime.fromtimestamp(sent_at / 1_000_000, _CHINA)
        query = {
            "PhoneNumber": self.phone,
            "SendDate": f"{sent:%Y%m%d}",
            "PageSize": "50",
            "CurrentPage": "1",
        }
        if provider_id:
            query["BizId"] = provider_id
        reply = self._request("QuerySendDetails", query)
        if not isinstance(reply, Reply) or reply.document.get("Code") != "OK":
            return Receipt(Delivery.NOT_YET, "query", "the provider could not be asked")
        details = (reply.document.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
        for detail in details:
            if provider_id or detail.get("OutId") == out_id(outgoing.reference):
                return _receipt(detail)
        young = WallClock().now() - sent_at < SETTLE_S * 1_000_000
        return Receipt(Delivery.NOT_YET if young else Delivery.NEVER_SEEN)

    def _request(self, action: str, params: Mapping[str, str]) -> Reply | Outcome:
        headers = {
            "host": self.line.host,
            "x-acs-action": action,
            "x-acs-version": "2017-05-25",
            "x-acs-date": f"{datetime.fromtimestamp(WallClock().now() // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        }
        signed = authorization(self.key_id, self.key_secret, "POST", params, headers, b"")
        return self.line.call(
            "POST",
            f"/?{canonical_query(params)}",
            headers={**headers, "Authorization": signed},
        )


def out_id(reference: str) -> str:
    """Our number for a message as the provider keeps it: letters and digits only."""
    return hashlib.sha256(reference.encode()).hexdigest()[:32]


def _judge(reply: Reply | Outcome) -> Outcome:
    if isinstance(reply, Outcome):
        return reply
    code = str(reply.document.get("Code") or "")
    detail = str(reply.document.get("Message") or "")[:200]
    if code == "OK":
        return Outcome(Result.SENT, code)
    if not code:
        return Outcome(
            Result.FAILED_PERMANENT, f"http {reply.status}", "an answer that is not the provider's"
        )
    if code in _TEMPORARY:
        return Outcome(Result.FAILED_TEMPORARY, code, detail, retry_after_s=_TEMPORARY[code])
    return Outcome(Result.FAILED_PERMANENT, code, detail)


def _receipt(detail: Mapping[str, Any]) -> Receipt:
    code = str(detail.get("ErrCode") or "")
    match detail.get("SendStatus"):
        case 3:
            return Receipt(Delivery.DELIVERED, code)
        case 2:
            return Receipt(Delivery.FAILED, code)
        case _:
            return Receipt(Delivery.WAITING, code)
