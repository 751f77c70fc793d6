"""A real VictoriaMetrics on loopback: it speaks InfluxDB 2's write API."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest


class VictoriaMetrics:
    """One server with its data in a folder, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("victoria-metrics")
        if binary is None:
            message = "victoria-metrics is not installed (Debian package victoria-metrics)"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
        self._binary = binary
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self._folder / "vm.log").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    self._binary,
                    f"-storageDataPath={self._folder / 'vm'}",
                    f"-httpListenAddr=127.0.0.1:{self.port}",
                    "-retentionPeriod=100y",
                    "-memory.allowedBytes=200MB",
                ],
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=1):
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def points(self, sensor_id: str) -> dict[str, list[tuple[int, float]]]:
        """What the server holds of a sensor: field → [(time in ms, value)]."""
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=10):
            pass
        match = urllib.parse.urlencode({"match[]": f'{{sensor_id="{sensor_id}"}}'})
        query = f"{self.url}/api/v1/export?{match}"
        found: dict[str, list[tuple[int, float]]] = {}
        with urllib.request.urlopen(query, timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                series = json.loads(line)
                found[series["metric"]["__name__"]] = list(
                    zip(series["timestamps"], series["values"], strict=True)
                )
        return found
