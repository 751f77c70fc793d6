"""The demo's way into the console: its address, and a login that is made anew each time."""

from __future__ import annotations

import os
import secrets
import sys
import webbrowser
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from config.messages import Language, text
from jingqiao.accounts import accounts
from jingqiao.accounts.accounts import Actor
from jingqiao.accounts.role import Role
from jingqiao.console import static_files

NAME: Final = "demo"
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are mistaken for others: people type it from the terminal."""


@dataclass(frozen=True, slots=True)
class ConsoleDoor:
    """Where the console is and who comes in."""

    url: str
    name: str
    password: str

    def sentence(self, language: Language) -> str:
        """For the terminal."""
        if static_files.missing():
            return text("demo.console_not_built", language)
        return text("demo.console", language, url=self.url, name=self.name, password=self.password)


def open_door(database: sa.Engine, port: int, now: int) -> ConsoleDoor:
    """Make the demo's account; everything but the accounts' page is open to it."""
    password = "".join(secrets.choice(_LETTERS) for _ in range(10))
    while len(set(password)) < 4:
        password = "".join(secrets.choice(_LETTERS) for _ in range(10))
    actor = Actor("demo", now, "cli")
    accounts.add(database, actor, name=NAME, role=Role.SUPERVISOR, password=password)
    return ConsoleDoor(f"http://127.0.0.1:{port}/", NAME, password)


def show_in_browser(door: ConsoleDoor) -> None:
    """Open it where there is a desktop; a browser of the terminal would take the terminal away."""
    desktop = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if desktop and not static_files.missing():
        webbrowser.open(door.url)
