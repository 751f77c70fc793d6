"""`tencentsms://SECRET_ID:SECRET_KEY@APP_ID/TEMPLATE/PHONE?sign=签名`: template SMS through Tencent Cloud.

The template's numbered variables are, in order, those that `?params=` names: severity,hazard,place,id,note.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self

from jingqiao.clock import WallClock
from jingqiao.notify.channels.address import Address, require
from jingqiao.notify.channels.http import Line, Reply
from jingqiao.notify.channels.tencentsms.signing import authorization
from jingqiao.notify.limits import Limit
from jingqiao.notify.phone_number import plain_phone
from jingqiao.notify.sender import Delivery, Outcome, Outgoing, Receipt, Result

FIELDS: Final = ("severity", "hazard", "place", "id")
SETTLE_S: Final = 20.0
"""How long after a try its record may be missing in the pulled states though it was made [s]."""
BEFORE_S: Final = 30
AFTER_S: Final = 90
"""How far around a try its state is looked for [s]: of many messages to a phone the provider names 100."""
CONTENT_TYPE: Final = "application/json; charset=utf-8"
_TEMPORARY_WORDS: Final = (
    "LimitExceeded",
    "InternalError",
    "RequestLimitExceeded",
    "FailedOperation.FailResolve",
)
_SPAN_S: Final[Mapping[str, float]] = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30.0,
    "LimitExceeded.PhoneNumberOneHourLimit": 3600.0,
    "LimitExceeded.PhoneNumberDailyLimit": 86_400.0,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": 86_400.0,
}
"""Refusal → how long this phone cannot be reached by it [s]."""


@dataclass(frozen=True, slots=True)
class TencentSms:
    """Tencent SMS to one phone (+86… or E.164)."""

    title: ClassVar[str] = "Tencent SMS"
    scheme: ClassVar[str] = "tencentsms"
    endpoint: ClassVar[str] = "https://sms.tencentcloudapi.com"
    limits: ClassVar[tuple[Limit, ...]] = ()
    only: ClassVar[tuple[str, ...]] = ()

    secret_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    app_id: str
    template: str
    phone: str = field(repr=False)
    sign: str
    fields: tuple[str, ...]
    region: str
    line: Line

    @property
    def counted_by(self) -> tuple[str, ...]:
        """The number, in one application."""
        return (self.app_id, plain_phone(self.phone))

    @classmethod
    def of(cls, address: Address, line: Line) -> Self:
        """`tencentsms://SECRET_ID:SECRET_KEY@APP_ID/TEMPLATE/PHONE?sign=签名`"""
        sign, phone = address.query.get("sign", ""), address.part(1)
        require(
            cls.scheme,
            secret_id=address.user,
            secret_key=address.password,
            app_id=address.host,
            template=address.part(0),
            phone=phone,
            sign=sign,
        )
        return cls(
            address.user,
            address.password,
            address.host,
            address.part(0),
            phone if phone.startswith("+") else f"+86{phone}",
            sign,
            tuple(name for name in address.query.get("params", "").split(",") if name) or FIELDS,
            address.query.get("region", "ap-guangzhou"),
            line,
        )

    def deliver(self, outgoing: Outgoing) -> Outcome:
        """Send the template with the message's short facts."""
        facts = outgoing.fields or {"place": outgoing.body.splitlines()[0] if outgoing.body else ""}
        reply = self._request(
            "SendSms",
            {
                "PhoneNumberSet": [self.phone],
                "SmsSdkAppId": self.app_id,
                "SignName": self.sign,
                "TemplateId": self.template,
                "TemplateParamSet": [facts.get(name, "") or "-" for name in self.fields],
                "SessionContext": outgoing.reference,
            },
        )
        if isinstance(reply, Outcome):
            return reply
        statuses = reply.get("SendStatusSet") or [{}]
        code = str(statuses[0].get("Code") or "")
        if code == "Ok":
            return Outcome(Result.SENT, code, "", str(statuses[0].get("SerialNo") or ""))
        return _refusal(code, str(statuses[0].get("Message") or ""))

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        """Find the message among the states pulled for this number, by its serial or our own number."""
        sent_s = sent_at // 1_000_000
        reply = self._request(
            "PullSmsSendStatusByPhoneNumber",
            {
                "SmsSdkAppId": self.app_id,
                "PhoneNumber": self.phone,
                "BeginTime": sent_s - BEFORE_S,
                "EndTime": sent_s + AFTER_S,
                "Offset": 0,
                "Limit": 100,
            },
        )
        if isinstance(reply, Outcome):
            return Receipt(Delivery.NOT_YET, reply.provider_code, "the provider could not be asked")
        for status in reply.get("PullSmsSendStatusSet") or []:
            mine = (
                status.get("SerialNo") == provider_id
                if provider_id
                else status.get("SessionContext") == outgoing.reference
            )
            if mine:
                good = status.get("ReportStatus") == "SUCCESS"
                return Receipt(
                    Delivery.DELIVERED if good else Delivery.FAILED, str(status.get("Description") or "")
                )
        if provider_id:
            return Receipt(Delivery.WAITING)
        young = WallClock().now() / 1e6 - sent_s < SETTLE_S
        return Receipt(Delivery.NOT_YET if young else Delivery.NEVER_SEEN)

    def replies(self, limit: int = 100) -> list[tuple[str, str, int]] | Outcome:
        """What people answered by SMS since the last call: (phone, words, when [s since 1970 UTC])."""
        reply = self._request("PullSmsReplyStatus", {"SmsSdkAppId": self.app_id, "Limit": limit})
        if isinstance(reply, Outcome):
            return reply
        return [
            (
                str(item.get("PhoneNumber") or ""),
                str(item.get("ReplyContent") or "").strip(),
                int(item.get("ReplyTime") or 0),
            )
            for item in reply.get("PullSmsReplyStatusSet") or []
        ]

    def _request(self, action: str, document: Mapping[str, Any]) -> Mapping[str, Any] | Outcome:
        """The inside of the provider's `Response`, or what went wrong."""
        body = json.dumps(document, ensure_ascii=False).encode()
        now_s = WallClock().now() // 1_000_000  # the provider's clock decides, a simulated one is refused
        signed = {
            "content-type": CONTENT_TYPE,
            "host": self.line.host,
            "x-tc-action": action.lower(),
        }
        reply = self.line.call(
            "POST",
            "/",
            headers={
                "Content-Type": CONTENT_TYPE,
                "Host": signed["host"],
                "X-TC-Action": action,
                "X-TC-Version": "2021-01-11",
                "X-TC-Region": self.region,
                "X-TC-Timestamp": str(now_s),
                "Authorization": authorization(self.secret_id, self.secret_key, "sms", now_s, signed, body),
            },
            body=body,
        )
        if not isinstance(reply, Reply):
            return reply
        response = reply.document.get("Response")
        if not isinstance(response, dict):
            return Outcome(
                Result.FAILED_PERMANENT, f"http {reply.status}", "an answer that is not the provider's"
            )
        error = response.get("Error")
        if error:
            return _refusal(str(error.get("Code") or ""), str(error.get("Message") or ""))
        return response


def _refusal(code: str, message: str) -> Outcome:
    if code.startswith(_TEMPORARY_WORDS):
        return Outcome(Result.FAILED_TEMPORARY, code, message[:200], retry_after_s=_SPAN_S.get(code))
    return Outcome(Result.FAILED_PERMANENT, code, message[:200])
