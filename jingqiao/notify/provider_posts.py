"""Where providers push receipts and people's answers: `POST /hooks/{secret}/aliyun/…` and `…/tencent/…`.

They sign nothing, so the address itself holds the secret. An answer other than 200 makes them push again:
it is given only when nothing could be written down.
Sources: help.aliyun.com SmsReport, SmsUp, VoiceReport; cloud.tencent.com 下发状态通知, 短信回复通知.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final, TypeVar

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import SecretStr

from jingqiao.notify.channels.alivoice.channel import call_ended, seconds
from jingqiao.notify.phone_number import plain_phone
from jingqiao.notify.pushed import Pushed, PushedReceipts
from jingqiao.notify.replies import Replies, Said
from jingqiao.notify.sender import Delivery, Receipt

MAX_BODY_BYTES: Final = 1024 * 1024
_CHINA: Final = timezone(timedelta(hours=8))
_Made = TypeVar("_Made")
_Entries = Sequence[Mapping[str, Any]]

log = structlog.get_logger()


def provider_routes(
    secret: SecretStr, receipts: PushedReceipts, replies: Replies, now: Callable[[], int]
) -> APIRouter:
    """The addresses of one service. secret : part of each; 16 characters or more."""
    router = APIRouter(include_in_schema=False)  # for providers, who know them from their own pages
    word = secret.get_secret_value().encode()

    async def taken(shown: str, request: Request, take: Callable[[_Entries], object]) -> None:
        if not hmac.compare_digest(shown.encode(), word):
            raise HTTPException(404)
        entries = await _entries(request)
        try:
            await run_in_threadpool(take, entries)
        except sa.exc.OperationalError:
            log.exception("a provider's push could not be written down; it will push again")
            raise HTTPException(503, "cannot store now; push again") from None

    @router.post("/hooks/{shown}/aliyun/report")
    async def aliyun_report(shown: str, request: Request) -> dict[str, object]:
        """SmsReport: whether an SMS arrived."""
        await taken(shown, request, lambda entries: receipts.take(_each(entries, _sms_report), now()))
        return {"code": 0, "msg": "接收成功"}

    @router.post("/hooks/{shown}/aliyun/up")
    async def aliyun_up(shown: str, request: Request) -> dict[str, object]:
        """SmsUp: what somebody answered."""
        await taken(shown, request, lambda entries: replies.take(_each(entries, lambda e: _sms_up(e, now()))))
        return {"code": 0, "msg": "接收成功"}

    @router.post("/hooks/{shown}/aliyun/voice")
    async def aliyun_voice(shown: str, request: Request) -> dict[str, object]:
        """VoiceReport: how a call ended."""
        await taken(shown, request, lambda entries: receipts.take(_each(entries, _voice_report), now()))
        return {"code": 0, "msg": "接收成功"}

    @router.post("/hooks/{shown}/tencent/report")
    async def tencent_report(shown: str, request: Request) -> dict[str, object]:
        """Whether an SMS arrived."""
        await taken(shown, request, lambda entries: receipts.take(_each(entries, _tencent_report), now()))
        return {"result": 0, "errmsg": "OK"}

    @router.post("/hooks/{shown}/tencent/reply")
    async def tencent_reply(shown: str, request: Request) -> dict[str, object]:
        """What somebody answered."""
        await taken(shown, request, lambda entries: replies.take(_each(entries, _tencent_reply)))
        return {"result": 0, "errmsg": "OK"}

    return router


def tencent_said(phone: str, words: str, said_s: int) -> Said:
    """A Tencent answer, the same whether it was pulled or pushed. said_s : [s since 1970 UTC]"""
    return Said("tencent", _key(phone, words, str(said_s)), phone, words, said_s * 1_000_000)


async def _entries(request: Request) -> _Entries:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"at most {MAX_BODY_BYTES} bytes a push")
    try:
        document = json.loads(bytes(body))
    except ValueError:
        raise HTTPException(400, "not JSON") from None
    entries = document if isinstance(document, list) else [document]
    return [entry for entry in entries if isinstance(entry, dict)]


def _each(entries: _Entries, make: Callable[[Mapping[str, Any]], _Made]) -> list[_Made]:
    """What each entry says; one that cannot be read does not stop the others."""
    made = []
    for entry in entries:
        try:
            made.append(make(entry))
        except (KeyError, ValueError, TypeError):
            log.warning("an entry of a provider's push cannot be read", fields=sorted(map(str, entry)))
    return made


def _sms_report(entry: Mapping[str, Any]) -> Pushed:
    arrived = entry["success"] in (True, "true")
    return Pushed(
        str(entry.get("biz_id") or ""),
        str(entry.get("out_id") or ""),
        Receipt(
            Delivery.DELIVERED if arrived else Delivery.FAILED,
            str(entry.get("err_code") or ""),
            str(entry.get("err_msg") or "")[:200],
        ),
    )


def _voice_report(entry: Mapping[str, Any]) -> Pushed:
    said = call_ended(str(entry["status_code"]), seconds(entry.get("duration")), ended=True)
    detail = str(entry.get("status_msg") or "")[:200]
    return Pushed(
        str(entry["call_id"]),
        str(entry.get("out_id") or ""),
        Receipt(said.delivery, said.provider_code, detail),
    )


def _sms_up(entry: Mapping[str, Any], now: int) -> Said:
    phone, words = str(entry["phone_number"]), str(entry["content"])
    said_at = _local(str(entry.get("send_time") or "")) or now
    number = str(entry.get("sequence_id") or "")
    return Said("aliyun", number or _key(phone, words, str(said_at)), phone, words, said_at)


def _tencent_report(entry: Mapping[str, Any]) -> Pushed:
    arrived = entry["report_status"] == "SUCCESS"
    return Pushed(
        str(entry["sid"]),
        "",
        Receipt(
            Delivery.DELIVERED if arrived else Delivery.FAILED,
            str(entry.get("errmsg") or ""),
            str(entry.get("description") or "")[:200],
        ),
    )


def _tencent_reply(entry: Mapping[str, Any]) -> Said:
    return tencent_said(str(entry["mobile"]), str(entry["text"]), int(entry["time"]))


def _key(phone: str, *parts: str) -> str:
    """A name for an answer that shows no phone number."""
    return hashlib.sha256("\n".join((plain_phone(phone), *parts)).encode()).hexdigest()[:40]


def _local(written: str) -> int | None:
    """µs of `2017-09-01 00:00:00` or `20170901000000` in China; None where it is neither."""
    for form in ("%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S"):
        try:
            return round(datetime.strptime(written, form).replace(tzinfo=_CHINA).timestamp() * 1_000_000)
        except ValueError:
            continue
    return None
