"""Tencent Cloud's request signature TC3-HMAC-SHA256 (cloud.tencent.com: 签名方法 v3)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime


def canonical_request(headers: Mapping[str, str], body: bytes) -> str:
    """What is hashed of a POST to "/": headers : those to be signed, names and values in lower case."""
    return "\n".join(
        [
            "POST",
            "/",
            "",
            "".join(f"{name}:{value}\n" for name, value in sorted(headers.items())),
            ";".join(sorted(headers)),
            hashlib.sha256(body).hexdigest(),
        ]
    )


def authorization(
    secret_id: str, secret_key: str, service: str, timestamp_s: int, headers: Mapping[str, str], body: bytes
) -> str:
    """The `Authorization` header."""
    date = f"{datetime.fromtimestamp(timestamp_s, UTC):%Y-%m-%d}"
    scope = f"{date}/{service}/tc3_request"
    hashed = hashlib.sha256(canonical_request(headers, body).encode()).hexdigest()
    to_sign = f"TC3-HMAC-SHA256\n{timestamp_s}\n{scope}\n{hashed}"
    key = f"TC3{secret_key}".encode()
    for part in (date, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    names = ";".join(sorted(headers))
    return f"TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders={names}, Signature={signature}"
