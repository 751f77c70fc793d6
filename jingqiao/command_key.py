"""By what the commands of this installation show the running service that they are its own."""

from __future__ import annotations

from config.settings import Settings
from jingqiao.notify.links import kept_key


def command_token(settings: Settings) -> str:
    """A bearer token that only who may read the service's folder has. Raises OSError where he may not."""
    return kept_key(settings.data_dir / "commands.key").hex()
