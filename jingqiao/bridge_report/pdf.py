"""The page as PDF, by whatever browser of Chromium's family is at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

BROWSERS: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "msedge",
    "chrome",
)
PATIENCE_S: Final = 180


class NoBrowserError(RuntimeError):
    """No browser is on PATH, or it could not print."""


def browser() -> str | None:
    """Path of a browser; JINGQIAO_BROWSER names one that is not on PATH."""
    named = os.environ.get("JINGQIAO_BROWSER")
    return named or next((found for name in BROWSERS if (found := shutil.which(name))), None)


def print_pdf(page: Path, pdf: Path) -> None:
    """Print an HTML file. Raises NoBrowserError."""
    program = browser()
    if program is None:
        raise NoBrowserError("no browser")
    with tempfile.TemporaryDirectory(prefix="jingqiao-print-") as profile:
        command = [
            program,
            "--headless=new",
            "--disable-gpu",
            "--no-sandbox",  # its sandbox needs rights that a service account seldom has; the page is our own
            "--disable-dev-shm-usage",
            "--no-pdf-header-footer",
            f"--user-data-dir={profile}",
            f"--print-to-pdf={pdf.resolve()}",
            page.resolve().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoBrowserError(str(error)) from None
    if done.returncode != 0 or not pdf.exists():
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["?"]
        raise NoBrowserError(last[0][:300])
