"""Messages and what became of them, as the public interface shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jingqiao.incidents.view import rfc3339
from jingqiao.notify.outbox import MessageState


def message_json(row: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One message with its tries, JSON-ready; no channel's URL in it."""
    return {
        "id": row["id"],
        "incident_id": row["incident_id"],
        "kind": row["kind"],
        "person": row["person"],
        "role": row["role"],
        "state": row["state"],
        "created_at": rfc3339(row["created_at"]),
        "finished_at": rfc3339(row["finished_at"]),
        "held": row["held"],
        "held_until": rfc3339(row["due_at"]) if row["state"] == MessageState.HELD.value else None,
        "told_by": row["told_by"],
        "via": row["via"],
        "title": row["title"],
        "body": row["body"],
        "attempts": [
            {
                "channel": attempt["channel"],
                "started_at": rfc3339(attempt["started_at"]),
                "finished_at": rfc3339(attempt["finished_at"]),
                "outcome": attempt["outcome"],
                "provider_code": attempt["provider_code"],
                "detail": attempt["detail"],
            }
            for attempt in attempts
        ],
    }


def reply_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """One answer by SMS, JSON-ready."""
    return {
        "id": row["id"],
        "provider": row["provider"],
        "people": row["people"],
        "words": row["words"],
        "said_at": rfc3339(row["said_at"]),
        "received_at": rfc3339(row["received_at"]),
        "outcome": row["outcome"],
        "incident_ids": row["incident_ids"],
    }
