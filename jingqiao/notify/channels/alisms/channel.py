"""`alisms://KEY_ID:KEY_SECRET@TEMPLATE/PHONE?sign=签名`: template SMS through Aliyun, asked after a time-out.

The template may use ${severity}, ${hazard}, ${place}, ${id} and ${note}; `?params=hazard,place` names those
it has, where not all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar, Final, Self

from jingqiao.clock import WallClock
from jingqiao.notify.channels.address import Address, require
from jingqiao.notify.channels.aliyun import Account, judged_code, out_id, template_json, variables
from jingqiao.notify.channels.http import Line, Reply
from jingqiao.notify.limits import Limit
from jingqiao.notify.phone_number import plain_phone
from jingqiao.notify.sender import Delivery, Outcome, Outgoing, Receipt

SETTLE_S: Final = 20.0
"""How long after a try its record may be missing in `QuerySendDetails` though it was made [s]."""
PAGE: Final = 50
"""Records that `QuerySendDetails` gives at once."""
PAGES: Final = 20
_CHINA: Final = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class AliSms:
    """Aliyun SMS to one phone."""

    title: ClassVar[str] = "Aliyun SMS"
    scheme: ClassVar[str] = "alisms"
    endpoint: ClassVar[str] = "https://dysmsapi.aliyuncs.com"
    limits: ClassVar[tuple[Limit, ...]] = (Limit(50, 86_400),)
    only: ClassVar[tuple[str, ...]] = ()

    account: Account
    template: str
    phone: str = field(repr=False)
    sign: str
    fields: tuple[str, ...]

    @property
    def counted_by(self) -> tuple[str, ...]:
        """Number, signature and template; a new access key changes none of them."""
        return (plain_phone(self.phone), self.sign, self.template)

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
        return cls(
            Account(address.user, address.password, "2017-05-25", line),
            address.host,
            address.part(0),
            sign,
            variables(address.query.get("params", "")),
        )

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Send the template with the message's short facts."""
        params = {
            "PhoneNumbers": self.phone,
            "SignName": self.sign,
            "TemplateCode": self.template,
            "TemplateParam": template_json(outgoing, self.fields),
            "OutId": out_id(outgoing.reference),
        }
        return judged_code(self.account.call("SendSms", params), "BizId")

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        """Find the message among those sent to this number on that day, by our own number for it."""
        sent = datetime.fromtimestamp(sent_at / 1_000_000, _CHINA)
        query = {"PhoneNumber": self.phone, "SendDate": f"{sent:%Y%m%d}", "PageSize": str(PAGE)}
        if provider_id:
            query["BizId"] = provider_id
        for page in range(1, PAGES + 1):
            reply = self.account.call("QuerySendDetails", query | {"CurrentPage": str(page)})
            if not isinstance(reply, Reply) or reply.document.get("Code") != "OK":
                return Receipt(Delivery.NOT_YET, "query", "the provider could not be asked")
            details = (reply.document.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
            for detail in details:
                if provider_id or detail.get("OutId") == out_id(outgoing.reference):
                    return _receipt(detail)
            if len(details) < PAGE:
                break
        young = WallClock().now() - sent_at < SETTLE_S * 1_000_000
        return Receipt(Delivery.NOT_YET if young else Delivery.NEVER_SEEN)


def _receipt(detail: Mapping[str, Any]) -> Receipt:
    code = str(detail.get("ErrCode") or "")
    match detail.get("SendStatus"):
        case 3:
            return Receipt(Delivery.DELIVERED, code)
        case 2:
            return Receipt(Delivery.FAILED, code)
        case _:
            return Receipt(Delivery.WAITING, code)
