"""Aliyun's request signature V3, ACS3-HMAC-SHA256 (help.aliyun.com: V3 版本请求体&签名机制)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote


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
