"""A works office in a folder: registry, roster, settings, and the service as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.mosquitto import free_port

COVERS = 40


class Office:
    """One service on one settings file.

    broker_url : str  Its only source.
    receiver_url : str  `json://…` of whoever is on duty.
    extra : More lines of jingqiao.toml, before its tables.
    rules : Text of rules.toml.
    """

    def __init__(
        self, folder: Path, broker_url: str, receiver_url: str, *, extra: str = "", rules: str = ""
    ) -> None:
        self.folder = folder
        self.http_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "assets.csv").write_text(
            "asset_id,kind,name,district,road,lon,lat\n"
            + "".join(
                f"42070401010{i:05d},cover,古城路{i}号上水井,鄂城区,古城路,114.88,30.39\n"
                for i in range(COVERS)
            ),
            "utf-8",
        )
        (folder / "sensors.csv").write_text(
            "sensor_id,asset_id,model,role,heartbeat_s\n"
            + "".join(f"LID-{i:03d},42070401010{i:05d},native,lid,21600\n" for i in range(COVERS)),
            "utf-8",
        )
        (folder / "roster.toml").write_text(
            f"""
fallback = "room"
[calm]
most_an_hour = 100000
group_from = 100000
quiet_from = "00:00"
quiet_to = "00:00"
[people.zhang]
name = "张三"
channels = ["{receiver_url}/zhang"]
[people.room]
name = "值班室"
channels = ["{receiver_url}/room"]
[[teams]]
id = "covers"
[[teams.shifts]]
people = ["zhang"]
""",
            "utf-8",
        )
        (folder / "rules.toml").write_text(rules, "utf-8")
        (folder / "jingqiao.toml").write_text(
            f"""
roster = "roster.toml"
rules = "rules.toml"
{extra}
[registry]
assets = "assets.csv"
sensors = "sensors.csv"
[[mqtt]]
url = "{broker_url}"
client_id = "office"
[http]
port = {self.http_port}
""",
            "utf-8",
        )

    @property
    def settings_file(self) -> Path:
        return self.folder / "jingqiao.toml"

    def start(self, *, wait: bool = True) -> None:
        """Start the service; `wait` until it says that it is well."""
        with (self.folder / "service.log").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jingqiao", "run", "-c", str(self.settings_file)],
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONWARNINGS": "default"},
            )
        if wait:
            self.wait_until_well()

    def wait_until_well(self, within_s: float = 30.0) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        while True:
            health = self.health()
            if health is not None and health["ok"]:
                return health
            if time.monotonic() > deadline or (
                self._process is not None and self._process.poll() is not None
            ):
                raise AssertionError(f"the service is not well: {health}\n{self.log()}")
            time.sleep(0.02)

    def health(self) -> dict[str, Any] | None:
        """What /healthz says; None while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/healthz", timeout=5) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.loads(error.read()))
        except OSError:
            return None

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._process = None

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        code = self._process.wait(30)
        self._process = None
        return code

    def log(self) -> str:
        path = self.folder / "service.log"
        return path.read_text("utf-8", errors="replace")[-5000:] if path.exists() else ""

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`jingqiao …` in this office."""
        return subprocess.run(
            [sys.executable, "-m", "jingqiao", *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
            timeout=60,
        )

    def incidents(self, *arguments: str) -> list[dict[str, Any]]:
        """`jingqiao incidents list --json`."""
        done = self.command("incidents", "list", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    def __enter__(self) -> Office:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


def reading(sensor: int, at_ms: int, **values: float | bool) -> tuple[str, bytes]:
    """A native reading of LID-nnn as topic and payload."""
    body = {"t": at_ms, **values}
    return f"jingqiao/v1/LID-{sensor:03d}/readings", json.dumps(body).encode()


def now_ms() -> int:
    """The wall clock: the service under test lives by it."""
    return time.time_ns() // 1_000_000


def bodies(requests: Sequence[Any]) -> list[dict[str, Any]]:
    """What apprise's json:// posted."""
    return [request.json() for request in requests]
