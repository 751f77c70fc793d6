"""What all of Aliyun's services share: the signed call, and the words in which they say no.

Signature V3, ACS3-HMAC-SHA256 (help.aliyun.com: V3 版本请求体&签名机制).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from jingqiao.clock import WallClock
from jingqiao.notify.channels.http import Line, Reply
from jingqiao.notify.sender import Outcome, Outgoing, Result

FIELDS: Final = ("severity", "hazard", "place", "id", "note")
"""Facts that a template may name as variables."""
VARIABLE_CHARACTERS: Final = 35
"""Limit of one template variable [characters]."""
_TEMPORARY: Final[Mapping[str, float | None]] = {
    "isv.BUSINESS_LIMIT_CONTROL": 60.0,
    "Throttling": 1.0,
    "Throttling.User": 1.0,
    "Throttling.Api": 1.0,
    "isp.SYSTEM_ERROR": None,
    "isp.RAM_PERMISSION_DENY": None,
    "ServiceUnavailable": None,
    "InternalError": None,
}
"""Code → how long it wants to be left alone [s]; None = our own backoff."""
_SPAN_S: Final = {"天": 86_400.0, "小时": 3600.0, "分钟": 60.0}
"""`触发天级流控Permits:50`: the span whose limit was reached → [s]."""


@dataclass(frozen=True, slots=True)
class Account:
    """A key, and the service that it is used for.

    version : str  Of the service's API, as `2017-05-25`.
    """

    key_id: str = field(repr=False)
    key_secret: str = field(repr=False)
    version: str
    line: Line

    def call(self, action: str, params: Mapping[str, str]) -> Reply | Outcome:
        """One signed call; its parameters travel in the query, as RPC services want them."""
        headers = {
            "host": self.line.host,
            "x-acs-action": action,
            "x-acs-version": self.version,
            # The provider's clock decides, a simulated one is refused.
            "x-acs-date": f"{datetime.fromtimestamp(WallClock().now() // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        }
        signed = authorization(self.key_id, self.key_secret, "POST", params, headers, b"")
        return self.line.call(
            "POST", f"/?{canonical_query(params)}", headers={**headers, "Authorization": signed}
        )


def judged_code(reply: Reply | Outcome, id_field: str) -> Outcome:
    """What a reply means: `OK` is yes. id_field : where the number for its receipt stands."""
    if isinstance(reply, Outcome):
        return reply
    code = str(reply.document.get("Code") or "")
    detail = str(reply.document.get("Message") or "")[:200]
    if code == "OK":
        return Outcome(Result.SENT, code, "", str(reply.document.get(id_field) or ""))
    if not code:
        return Outcome(
            Result.FAILED_PERMANENT, f"http {reply.status}", "an answer that is not the provider's"
        )
    if code in _TEMPORARY:
        span = re.search("触发(天|小时|分钟)级流控", detail)
        wait_s = _SPAN_S[span[1]] if span else _TEMPORARY[code]
        return Outcome(Result.FAILED_TEMPORARY, code, detail, retry_after_s=wait_s)
    return Outcome(Result.FAILED_PERMANENT, code, detail)


def template_json(outgoing: Outgoing, names: Sequence[str]) -> str:
    """The message's short facts as a template's variables."""
    facts = outgoing.fields or {"place": outgoing.body.splitlines()[0] if outgoing.body else ""}
    values = {name: facts.get(name, "")[:VARIABLE_CHARACTERS] or "-" for name in names}
    return json.dumps(values, ensure_ascii=False)


def variables(listed: str) -> tuple[str, ...]:
    """The variables that `?params=` names; all where it names none."""
    return tuple(name for name in listed.split(",") if name) or FIELDS


def out_id(reference: str) -> str:
    """Our number for a message as the provider keeps it and brings it back: letters and digits only."""
    return hashlib.sha256(reference.encode()).hexdigest()[:32]


def canonical_query(params: Mapping[str, str]) -> str:
    """Parameters sorted by name, percent-encoded by RFC 3986."""
    return "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(params.items()))


def authorization(
    key_id: str,
    key_secret: str,
    method: str,
    params: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> str:
    """The `Authorization` header. headers : those to be signed, host and all `x-acs-`, in lower case."""
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [
            method,
            "/",
            canonical_query(params),
            "".join(f"{name}:{value.strip()}\n" for name, value in sorted(headers.items())),
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(key_secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}"
