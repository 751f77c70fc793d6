"""CloudEvents 1.0 in structured JSON, and how a webhook's body is signed (Standard Webhooks 1.0). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from jingqiao.incidents.view import rfc3339

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
TYPE: Final = "cn.jingqiao.incident."
"""What every type begins with; the event's name follows."""


def cloud_event(row: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The event of a row of `outlet_event`. source : str  Who we are, a URI reference."""
    return {
        "specversion": "1.0",
        "id": str(row["transition_id"]),
        "source": source,
        "type": f"{TYPE}{row['event']}",
        "subject": f"incidents/{row['incident_id']}",
        "time": rfc3339(row["at"]),
        "datacontenttype": "application/json",
        "data": row["document"],
    }


def body_of(event: Mapping[str, Any]) -> bytes:
    """The bytes that are sent and signed; the same on every try."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def signed_headers(secret: str, event_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` and `webhook-signature`: HMAC-SHA256 over `id.timestamp.body`.

    secret : as it is, or in the specification's form `whsec_` and base64.
    """
    content = f"{event_id}.{timestamp_s}.".encode() + body
    digest = hmac.digest(_key(secret), content, hashlib.sha256)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass  # somebody's own word that only begins like that
    return secret.encode()
