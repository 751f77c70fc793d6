"""A real PostgreSQL of its own for a test session: initdb and postgres on a free port, socket in tmp."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_UNPRIVILEGED = "postgres"


def programs() -> Path | None:
    """Folder that holds initdb and postgres; None where there is none."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path and shutil.which("postgres") else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


def _user() -> str | None:
    """Whom to run the server as when we are root, which PostgreSQL refuses; None = as ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in (_UNPRIVILEGED, "nobody") if name in names), "nobody")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running() -> Iterator[str]:
    """An empty server; gives its URL, and stops it at the end.

    Skips the test where PostgreSQL is not installed; fails where CI=true promises it.
    """
    found = programs()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI promises PostgreSQL, and neither PATH nor /usr/lib/postgresql has it")
        pytest.skip("PostgreSQL's initdb and postgres are not installed")
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        Path(folder).chmod(0o755)  # pytest's own folders are closed to the user that the server runs as
        yield from _serve(found, Path(folder))


def _serve(found: Path, folder: Path) -> Iterator[str]:
    user = _user()
    prefix: list[str] = []
    data = folder / "pg"
    data.mkdir(mode=0o700)
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(data, entry.pw_uid, entry.pw_gid)
        prefix = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    port = _free_port()
    environment = os.environ | {"HOME": str(data), "LC_ALL": "C", "TZ": "UTC"}
    subprocess.run(
        [
            *prefix,
            str(found / "initdb"),
            "-D",
            str(data),
            "-U",
            "jingqiao",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "-N",
        ],
        check=True,
        capture_output=True,
        cwd="/",
        env=environment,
    )
    with (folder / "postgres.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *prefix,
                str(found / "postgres"),
                *("-D", str(data), "-k", str(data), "-h", "127.0.0.1", "-p", str(port), "-F"),
            ],
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment,
        )
    try:
        _wait_until_ready(port, server, folder / "postgres.log")
        yield f"postgresql://jingqiao@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(20)


def _wait_until_ready(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=jingqiao dbname=postgres").close()
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from error
            time.sleep(0.05)
