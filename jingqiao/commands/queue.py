"""The queue of commands: what people asked, what was sent, and what the device said to it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from jingqiao.commands.payloads import CommandError, chirpstack_command, native_command
from jingqiao.commands.tables import device_command
from jingqiao.database import reading, writing
from jingqiao.dossier.plain import instant_text
from jingqiao.provisioning.devices import sensor_facts

NATIVE_TIMEOUT_S: Final = 900.0
LORAWAN_TIMEOUT_S: Final = 2 * 86400.0
"""A class A device hears only after it has spoken: its heartbeat may be a day away."""

_STATUS: Final = re.compile(r"^jingqiao/v1/([^/]+)/status$")
_EVENT: Final = re.compile(r"^application/[^/]+/device/([^/]+)/event/ack$")


@dataclass(frozen=True, slots=True)
class Due:
    """A command to publish now, QoS 1, not retained."""

    topic: str
    payload: bytes
    command_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device or its network said to a command. done : carried out, or refused."""

    command_id: str
    done: bool
    text: str


def enqueue(
    database: sa.Engine,
    sensor_id: str,
    settings: Mapping[str, Any],
    *,
    at: int,
    who: str,
    application: str | None = None,
    dev_eui: str | None = None,
    timeout_s: float | None = None,
) -> str:
    """Queue a command; returns its id. Raises UnknownSensorError, CommandError.

    application, dev_eui : where ChirpStack knows the device; by default those of its last command, and
    the sensor's id for the EUI.
    """
    if not settings:
        raise CommandError("nothing to set")
    command_id = str(uuid.uuid4())
    with writing(database) as connection:
        model = sensor_facts(connection, sensor_id)["model"]
        if model == "native":
            topic, payload = native_command(sensor_id, command_id, settings)
        else:
            known = _last_address(connection, sensor_id)
            application = application or known[0]
            if application is None:
                raise CommandError(f"where does ChirpStack know {sensor_id}? name its application id")
            topic, payload = chirpstack_command(
                application, dev_eui or known[1] or sensor_id, command_id, model, settings
            )
        wait = timeout_s or (NATIVE_TIMEOUT_S if model == "native" else LORAWAN_TIMEOUT_S)
        connection.execute(
            device_command.insert().values(
                id=command_id,
                sensor_id=sensor_id,
                settings=dict(settings),
                topic=topic,
                payload=payload,
                state="queued",
                requested_at=at,
                who=who,
                timeout_s=wait,
            )
        )
    return command_id


def due_commands(database: sa.Engine, now: int) -> list[Due]:
    """Commands that wait to be published, oldest first; those that waited too long are ended first."""
    time_out(database, now)
    with reading(database) as connection:
        rows = connection.execute(
            sa.select(device_command.c.topic, device_command.c.payload, device_command.c.id)
            .where(device_command.c.state == "queued")
            .order_by(device_command.c.requested_at, device_command.c.id)
        )
        return [Due(topic, bytes(payload), command_id) for topic, payload, command_id in rows]


def mark_sent(database: sa.Engine, command_id: str, now: int) -> None:
    """The broker has taken it."""
    _change(database, command_id, ("queued",), state="sent", sent_at=now)


def mark_acked(database: sa.Engine, command_id: str, now: int, answer: str = "") -> bool:
    """The device has done it; also when that is said after the time was up. False for an unknown id."""
    return _change(
        database, command_id, ("queued", "sent", "timed_out"), state="acked", ended_at=now, answer=answer
    )


def mark_refused(database: sa.Engine, command_id: str, now: int, answer: str = "") -> bool:
    """The device or its network will not do it."""
    return _change(database, command_id, ("queued", "sent"), state="refused", ended_at=now, answer=answer)


def cancel(database: sa.Engine, command_id: str, now: int) -> bool:
    """Withdraw a command that was not sent yet; False where it is too late, or there is none.

    command_id : its id, or as much of its beginning as no other waiting command shares.
    """
    with reading(database) as connection:
        waiting = connection.scalars(
            sa.select(device_command.c.id).where(
                device_command.c.state == "queued",
                device_command.c.id.startswith(command_id, autoescape=True),
            )
        ).all()
    if len(waiting) != 1 or not command_id:
        return False
    return _change(database, waiting[0], ("queued",), state="cancelled", ended_at=now)


def time_out(database: sa.Engine, now: int) -> int:
    """End commands that nobody answered in time, counted from the request; returns how many."""
    with reading(database) as connection:
        open_ones = connection.execute(
            sa.select(device_command.c.id, device_command.c.requested_at, device_command.c.timeout_s).where(
                device_command.c.state.in_(("queued", "sent"))
            )
        ).all()
    late = [row.id for row in open_ones if row.requested_at + row.timeout_s * 1e6 <= now]
    return sum(
        _change(database, command_id, ("queued", "sent"), state="timed_out", ended_at=now)
        for command_id in late
    )


def answer_of(topic: str, payload: bytes) -> Answer | None:
    """The answer that a message carries, if it is one; never raises.

    A native device answers in its status: `{"state": "online", "t": …, "ack": "<id>"}`, and says why not
    with `"refused": "<reason>"` beside it. ChirpStack's `ack` event names our queue item.
    """
    native = _STATUS.match(topic) is not None
    if not native and _EVENT.match(topic) is None:
        return None
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    command_id = body.get("ack" if native else "queueItemId") if isinstance(body, dict) else None
    if not isinstance(command_id, str):
        return None
    if native:
        why = body.get("refused")
        return Answer(command_id, why is None, "" if why is None else str(why)[:200])
    done = body.get("acknowledged") is True
    return Answer(command_id, done, "" if done else "not acknowledged by the device")


def take_answers(database: sa.Engine, messages: Sequence[tuple[str, bytes]], now: int) -> int:
    """Note the answers among messages (topic, payload); returns how many there were."""
    taken = 0
    for topic, payload in messages:
        answer = answer_of(topic, payload)
        if answer is None:
            continue
        mark = mark_acked if answer.done else mark_refused
        taken += mark(database, answer.command_id, now, answer.text)
    return taken


def listed(connection: sa.Connection, sensor_id: str | None = None, limit: int = 200) -> list[dict[str, Any]]:
    """Commands, the newest first, JSON-ready."""
    query = device_command.select().order_by(device_command.c.requested_at.desc(), device_command.c.id)
    if sensor_id is not None:
        query = query.where(device_command.c.sensor_id == sensor_id)
    return [
        {
            "id": row["id"],
            "sensor_id": row["sensor_id"],
            "set": row["settings"],
            "state": row["state"],
            "requested_at": instant_text(row["requested_at"]),
            "who": row["who"],
            "sent_at": None if row["sent_at"] is None else instant_text(row["sent_at"]),
            "ended_at": None if row["ended_at"] is None else instant_text(row["ended_at"]),
            "answer": row["answer"],
            "topic": row["topic"],
        }
        for row in connection.execute(query.limit(limit)).mappings()
    ]


def _last_address(connection: sa.Connection, sensor_id: str) -> tuple[str | None, str | None]:
    topic = connection.scalar(
        sa.select(device_command.c.topic)
        .where(device_command.c.sensor_id == sensor_id, device_command.c.topic.like("application/%"))
        .order_by(device_command.c.requested_at.desc())
        .limit(1)
    )
    parts = str(topic).split("/") if topic else []
    return (parts[1], parts[3]) if len(parts) > 3 else (None, None)


def _change(database: sa.Engine, command_id: str, states: Sequence[str], **values: Any) -> bool:
    with writing(database) as connection:
        done = connection.execute(
            device_command.update()
            .where(device_command.c.id == command_id, device_command.c.state.in_(states))
            .values(**values)
        )
        return done.rowcount > 0
