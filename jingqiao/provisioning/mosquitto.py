"""Mosquitto's password and access files: each device may say only what is its own to say."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from jingqiao.database import reading, writing
from jingqiao.dossier.entries import UnknownSensorError
from jingqiao.dossier.tables import sensor
from jingqiao.provisioning.tables import credential

ITERATIONS: Final = 101
"""Rounds of PBKDF2 as `mosquitto_passwd` has them by default: the broker computes them at every connect, and
passwords made here have 128 bits of their own."""
_SALT_BYTES: Final = 12
_HASH_BYTES: Final = 64

ACL: Final = """\
# Written by `jingqiao devices broker-files`; changes here are overwritten.
# Every device signs in with its sensor id and may speak only for itself.
pattern write jingqiao/v1/%u/readings
pattern write jingqiao/v1/%u/strain
pattern write jingqiao/v1/%u/acceleration
pattern write jingqiao/v1/%u/status
pattern read jingqiao/v1/%u/command
"""
SERVICE_ACL: Final = """\

# The service hears everything and sends commands.
user {user}
topic read jingqiao/v1/#
topic write jingqiao/v1/+/command
topic read application/#
topic write application/+/device/+/command/down
topic read v3/#
topic read $sys/#
topic read spBv1.0/#
topic write spBv1.0/+/NCMD/+
"""
PLATFORM_ACL: Final = """\

# A LoRaWAN network server publishes events and takes commands.
user {user}
topic write application/#
topic read application/+/device/+/command/down
"""


def new_password() -> str:
    """128 bits that can be typed into a device's form: no quotes, no colon."""
    return secrets.token_urlsafe(16)


def hash_password(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """`$7$iterations$salt$hash`, PBKDF2-HMAC-SHA512, as Mosquitto 2 stores it."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _HASH_BYTES)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def check_user(name: str) -> None:
    """Raises ValueError for a name that would break the files' lines."""
    if not name or ":" in name or any(ord(c) < 32 or c in "+#/" for c in name):
        raise ValueError(f"{name!r} cannot be a user of the broker: no colon, / + # or control character")


def give_credential(database: sa.Engine, sensor_id: str, *, at: int, who: str) -> str:
    """A fresh password for a device, which replaces its old one; shown once, only its hash is kept.

    Raises UnknownSensorError, ValueError for an id that cannot be a user name.
    """
    check_user(sensor_id)
    password = new_password()
    with writing(database) as connection:
        if connection.scalar(sa.select(sensor.c.row).where(sensor.c.sensor_id == sensor_id)) is None:
            raise UnknownSensorError(sensor_id)
        connection.execute(credential.delete().where(credential.c.sensor_id == sensor_id))
        connection.execute(
            credential.insert().values(
                sensor_id=sensor_id, password_hash=hash_password(password), made_at=at, who=who
            )
        )
    return password


def revoke_credential(database: sa.Engine, sensor_id: str, *, at: int) -> bool:
    """Take a device's account away; False where it has none."""
    with writing(database) as connection:
        done = connection.execute(
            credential.update()
            .where(credential.c.sensor_id == sensor_id, credential.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )
        return done.rowcount > 0


def write_files(
    database: sa.Engine,
    folder: Path,
    *,
    service: tuple[str, str],
    platforms: Mapping[str, str] | None = None,
) -> int:
    """Write `passwords` and `acl` into a folder, each whole at once; returns the number of devices.

    service : user and password hash of Jingqiao itself. platforms : users of network servers → hash.
    Raises ValueError where a user's name is also a device's, or cannot be one.
    """
    with reading(database) as connection:
        rows = connection.execute(
            sa.select(credential.c.sensor_id, credential.c.password_hash)
            .where(credential.c.revoked_at.is_(None))
            .order_by(credential.c.sensor_id)
        ).all()
    users = {service[0]: service[1], **(platforms or {})}
    for name in users:
        check_user(name)
    for sensor_id, _ in rows:
        if sensor_id in users:
            raise ValueError(f"{sensor_id!r} is a device's id; choose another name for the service's user")
    lines = [f"{name}:{hashed}" for name, hashed in [*users.items(), *((r[0], r[1]) for r in rows)]]
    acl = ACL + SERVICE_ACL.format(user=service[0])
    acl += "".join(PLATFORM_ACL.format(user=name) for name in platforms or {})
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "passwords", "\n".join(lines) + "\n")
    _write(folder / "acl", acl)
    return len(rows)


def _write(path: Path, content: str) -> None:
    """Whole or not at all, and for nobody else's eyes; an existing file keeps its owner and mode."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(content)
        fresh = Path(name)
        if path.exists():
            known = path.stat()
            fresh.chmod(known.st_mode & 0o777)
            if os.geteuid() == 0:
                os.chown(fresh, known.st_uid, known.st_gid)
        fresh.replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
