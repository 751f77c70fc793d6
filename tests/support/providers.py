"""Fakes of message providers: they check what the real ones check and answer with their error bodies.

Written from the providers' documentation, apart from the code under test: signatures are computed here anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.support.http_fake import Answer, Request


@dataclass
class WeCom:
    """企业微信: group bots and application messages."""

    key: str = "KEY"
    corpid: str = "ww1"
    secret: str = "s3"
    members: tuple[str, ...] = ("ZhangSan",)
    got: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    failing: list[Answer] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:  # noqa: PLR0911 - one answer a case
        if request.path == "/cgi-bin/gettoken":
            return self._token(request)
        if self.failing:
            return self.failing.pop(0)
        if request.path == "/cgi-bin/webhook/send":
            if request.query.get("key") != self.key:
                return Answer(body={"errcode": 93000, "errmsg": "invalid webhook url, hint: [16953]"})
            return self._take(request, {"errcode": 0, "errmsg": "ok"})
        if request.query.get("access_token") != (self.tokens or [""])[-1]:
            return Answer(body={"errcode": 42001, "errmsg": "access_token expired"})
        document = request.json()
        good = {"errcode": 0, "errmsg": "ok", "invaliduser": "", "msgid": "MSG-1"}
        if document["touser"] not in self.members:
            return Answer(body=good | {"invaliduser": document["touser"].lower()})
        if document.get("enable_duplicate_check") and document["text"]["content"] in self.got:
            return Answer(body=good)
        return self._take(request, good)

    def _token(self, request: Request) -> Answer:
        if request.query.get("corpsecret") != self.secret:
            return Answer(body={"errcode": 40001, "errmsg": "invalid credential"})
        if not self.tokens:  # while a token is good, whoever asks gets the same one
            self.tokens.append("T0")
        return Answer(
            body={"errcode": 0, "errmsg": "ok", "access_token": self.tokens[-1], "expires_in": 7200}
        )

    def _take(self, request: Request, good: dict[str, Any]) -> Answer:
        content = request.json()["text"]["content"]
        if len(content.encode()) > 2048:
            return Answer(body={"errcode": 40058, "errmsg": "content exceed max length 2048"})
        self.got.append(content)
        return Answer(body=good)


@dataclass
class DingTalk:
    """钉钉 group robot with 加签."""

    secret: str = "SEC1"
    token: str = "tok"
    got: list[str] = field(default_factory=list)
    limit: int = 20

    def __call__(self, request: Request) -> Answer:
        query = request.query
        if query.get("access_token") != self.token:
            return Answer(body={"errcode": 300005, "errmsg": "token is not exist"})
        key = f"{query.get('timestamp')}\n{self.secret}"
        sign = base64.b64encode(
            hmac.new(self.secret.encode(), key.encode(), hashlib.sha256).digest()
        ).decode()
        fresh = abs(time.time() * 1000 - float(query.get("timestamp") or 0)) < 3_600_000
        if query.get("sign") != sign or not fresh:
            return Answer(body={"errcode": 310000, "errmsg": "sign not match"})
        if len(self.got) >= self.limit:
            return Answer(body={"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"})
        self.got.append(request.json()["text"]["content"])
        return Answer(body={"errcode": 0, "errmsg": "ok"})


@dataclass
class Feishu:
    """飞书 group bot with 签名校验."""

    secret: str = "fs"
    token: str = "hook-1"
    got: list[str] = field(default_factory=list)
    busy: int = 0
    malformed: int = 0
    """So many of the next requests are called malformed, as an unknown message type is."""

    def __call__(self, request: Request) -> Answer:
        document = request.json()
        if request.path != f"/open-apis/bot/v2/hook/{self.token}":
            return Answer(
                body={
                    "code": 19001,
                    "msg": "param invalid: incoming webhook access token invalid",
                    "data": {},
                }
            )
        string_to_sign = f"{document.get('timestamp')}\n{self.secret}".encode()
        sign = base64.b64encode(hmac.new(string_to_sign, b"", hashlib.sha256).digest()).decode()
        if document.get("sign") != sign:
            text = "sign match fail or timestamp is not within one hour from current time"
            return Answer(body={"code": 19021, "msg": text, "data": {}})
        if self.busy:
            self.busy -= 1
            return Answer(body={"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform]"})
        if self.malformed or "text" not in document.get("content", {}):
            self.malformed = max(self.malformed - 1, 0)
            return Answer(body={"code": 9499, "msg": "Bad Request", "data": {}})
        self.got.append(document["content"]["text"])
        return Answer(
            body={"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}
        )


def acs3_signed(request: Request, key_id: str, key_secret: str) -> bool:
    """Whether a request carries Aliyun's signature V3 by this key."""
    given = request.headers.get("authorization", "")
    scheme, _, rest = given.partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(","))
    names = parts["SignedHeaders"].split(";")
    if scheme != "ACS3-HMAC-SHA256" or parts["Credential"] != key_id or "host" not in names:
        return False
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(request.query.items()))
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    body = hashlib.sha256(request.body).hexdigest()
    canonical = f"{request.method}\n{request.path}\n{query}\n{headers}\n{';'.join(names)}\n{body}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    sign = hmac.new(key_secret.encode(), f"ACS3-HMAC-SHA256\n{digest}".encode(), hashlib.sha256)
    return hmac.compare_digest(sign.hexdigest(), parts["Signature"])


@dataclass
class Aliyun:
    """阿里云短信: SendSms and QuerySendDetails, signature V3."""

    key_id: str = "LTAI"
    key_secret: str = "ali+s/ecret"
    sent: list[dict[str, str]] = field(default_factory=list)
    status: dict[str, tuple[int, str]] = field(default_factory=dict)
    silent_after: int = 0
    """So many of the next SendSms are carried out and never answered."""
    silent_before: int = 0
    """So many of the next SendSms are neither carried out nor answered."""
    refusals: list[str] = field(default_factory=list)
    day_limit: int = 50

    def __call__(self, request: Request) -> Answer:  # noqa: PLR0911 - one answer a case
        if not acs3_signed(request, self.key_id, self.key_secret):
            body = {"Code": "SignatureDoesNotMatch", "Message": "Specified signature is not matched"}
            return Answer(400, body)
        query = dict(request.query)
        if request.headers["x-acs-action"] == "QuerySendDetails":
            return self._details(query)
        if self.silent_before:
            self.silent_before -= 1
            return Answer(silent=True)
        if self.refusals:
            code, _, words = self.refusals.pop(0).partition(" ")
            return Answer(body={"Code": code, "Message": words or "触发限制", "RequestId": "R"})
        if len([s for s in self.sent if s["PhoneNumbers"] == query["PhoneNumbers"]]) >= self.day_limit:
            return Answer(body={"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发天级流控Permits:50"})
        self.sent.append(query)
        if self.silent_after:
            self.silent_after -= 1
            return Answer(silent=True)
        return Answer(body={"Message": "OK", "RequestId": "R", "Code": "OK", "BizId": f"B{len(self.sent)}^0"})

    def _details(self, query: dict[str, str]) -> Answer:
        found = []
        for number, sent in enumerate(self.sent, 1):
            if sent["PhoneNumbers"] != query["PhoneNumber"]:
                continue
            if query.get("BizId") not in (None, f"B{number}^0"):
                continue
            status, code = self.status.get(sent["OutId"], (3, "DELIVERED"))
            found.append(
                {"OutId": sent["OutId"], "SendStatus": status, "ErrCode": code, "PhoneNum": "138****"}
            )
        size, page = int(query["PageSize"]), int(query["CurrentPage"])
        shown = found[::-1][(page - 1) * size : page * size]  # the newest first
        return Answer(
            body={"Code": "OK", "TotalCount": len(found), "SmsSendDetailDTOs": {"SmsSendDetailDTO": shown}}
        )


@dataclass
class AliyunVoice:
    """阿里云语音: SingleCallByTts and QueryCallDetailByCallId, signature V3."""

    key_id: str = "LTAI"
    key_secret: str = "ali+s/ecret"
    calls: list[dict[str, str]] = field(default_factory=list)
    ended: dict[str, tuple[str, int]] = field(default_factory=dict)
    """CallId → (state, seconds listened) of calls that are over."""
    refusals: list[str] = field(default_factory=list)
    silent_after: int = 0

    def __call__(self, request: Request) -> Answer:
        if not acs3_signed(request, self.key_id, self.key_secret):
            return Answer(400, {"Code": "SignatureDoesNotMatch", "Message": "Specified signature"})
        query = dict(request.query)
        if request.headers["x-acs-action"] == "QueryCallDetailByCallId":
            return self._detail(query)
        if self.refusals:
            return Answer(body={"Code": self.refusals.pop(0), "Message": "流控", "RequestId": "R"})
        if query.get("PlayTimes") not in ("1", "2", "3") or "TtsCode" not in query:
            return Answer(body={"Code": "isv.INVALID_PARAMETERS", "Message": "参数异常"})
        self.calls.append(query)
        if self.silent_after:
            self.silent_after -= 1
            return Answer(silent=True)
        return Answer(
            body={"Code": "OK", "Message": "OK", "RequestId": "R", "CallId": f"{len(self.calls)}^100"}
        )

    def _detail(self, query: dict[str, str]) -> Answer:
        state, seconds = self.ended.get(query["CallId"], ("200103", 0))
        over = query["CallId"] in self.ended
        detail = {
            "state": state,
            "stateDesc": "",
            "duration": seconds,
            "startDate": "2026-09-23 03:00:05" if seconds else "",
            "endDate": "2026-09-23 03:00:30" if over else "",
            "callee": "1380000****",
        }
        return Answer(body={"Code": "OK", "Message": "OK", "Data": json.dumps(detail), "RequestId": "R"})


@dataclass
class Tencent:
    """腾讯云短信: SendSms, pulled states and replies, TC3 signature."""

    secret_id: str = "AKID"
    secret_key: str = "tc"
    sent: list[dict[str, Any]] = field(default_factory=list)
    codes: list[tuple[str, str]] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    silent_after: int = 0
    silent_before: int = 0

    def __call__(self, request: Request) -> Answer:
        if not self._signed(request):
            error = {"Code": "AuthFailure.SignatureFailure", "Message": "The provided credentials could not"}
            return Answer(body={"Response": {"Error": error, "RequestId": "R"}})
        document = request.json()
        action: Callable[[dict[str, Any]], Answer] = {
            "SendSms": self._send,
            "PullSmsSendStatusByPhoneNumber": self._states,
            "PullSmsReplyStatus": self._replies,
        }[request.headers["x-tc-action"]]
        return action(document)

    def _send(self, document: dict[str, Any]) -> Answer:
        if self.silent_before:
            self.silent_before -= 1
            return Answer(silent=True)
        code, message = self.codes.pop(0) if self.codes else ("Ok", "send success")
        if code == "Ok":
            self.sent.append(document | {"at": time.time()})
        if self.silent_after:
            self.silent_after -= 1
            return Answer(silent=True)
        status = {
            "SerialNo": f"5000:{len(self.sent)}" if code == "Ok" else "",
            "PhoneNumber": document["PhoneNumberSet"][0],
            "Fee": 1,
            "SessionContext": document["SessionContext"],
            "Code": code,
            "Message": message,
            "IsoCode": "CN",
        }
        return Answer(body={"Response": {"SendStatusSet": [status], "RequestId": "R"}})

    def _states(self, document: dict[str, Any]) -> Answer:
        states = [
            {
                "PhoneNumber": sent["PhoneNumberSet"][0],
                "SerialNo": f"5000:{number}",
                "ReportStatus": "SUCCESS",
                "Description": "DELIVRD",
                "SessionContext": sent["SessionContext"],
            }
            for number, sent in enumerate(self.sent, 1)
            if sent["PhoneNumberSet"][0] == document["PhoneNumber"]
            and document["BeginTime"] <= sent["at"] <= document["EndTime"]
        ]
        shown = states[: document["Limit"]]
        return Answer(body={"Response": {"PullSmsSendStatusSet": shown, "RequestId": "R"}})

    def _replies(self, document: dict[str, Any]) -> Answer:
        pulled, self.replies = self.replies[: document["Limit"]], self.replies[document["Limit"] :]
        return Answer(body={"Response": {"PullSmsReplyStatusSet": pulled, "RequestId": "R"}})

    def _signed(self, request: Request) -> bool:
        parts = dict(
            part.strip().split("=", 1)
            for part in request.headers.get("authorization", "").partition(" ")[2].split(",")
        )
        names = parts["SignedHeaders"].split(";")
        if not {"content-type", "host"} <= set(names):
            return False
        stamp = request.headers["x-tc-timestamp"]
        if abs(time.time() - int(stamp)) > 300:
            return False
        date = time.strftime("%Y-%m-%d", time.gmtime(int(stamp)))
        headers = "".join(f"{name}:{request.headers[name].lower()}\n" for name in names)
        body = hashlib.sha256(request.body).hexdigest()
        canonical = f"POST\n/\n\n{headers}\n{';'.join(names)}\n{body}"
        scope = f"{date}/sms/tc3_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = b"TC3" + self.secret_key.encode()
        for part in (date, "sms", "tc3_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        text = f"TC3-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
        sign = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return parts["Credential"] == f"{self.secret_id}/{scope}" and parts["Signature"] == sign
