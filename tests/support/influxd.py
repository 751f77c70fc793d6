"""A real InfluxDB 2 on loopback, set up with an organisation, a bucket and a token."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

TOKEN = "token-of-the-test"
ORG = "jingqiao"
BUCKET = "readings"


class Influxd:
    """One server with its data in a folder."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("influxd")
        if binary is None or b"InfluxDB 2" not in subprocess.run(
            [binary, "version"], capture_output=True, check=False
        ).stdout.replace(b"dev", b"2"):
            message = "InfluxDB 2's influxd is not on PATH (.ci/influxd builds it)"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with (folder / "influxd.log").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    binary,
                    f"--bolt-path={folder / 'influxd.bolt'}",
                    f"--sqlite-path={folder / 'influxd.sqlite'}",
                    f"--engine-path={folder / 'engine'}",
                    f"--http-bind-address={self.url.removeprefix('http://')}",
                    "--reporting-disabled",
                ],
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=1):
                    break
            except OSError:
                if time.monotonic() > deadline:
                    self.stop()
                    raise
                time.sleep(0.1)
        body = {"username": "u", "password": "password-1", "org": ORG, "bucket": BUCKET, "token": TOKEN}
        request = urllib.request.Request(
            f"{self.url}/api/v2/setup",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)
