"""The command line: one file per group of commands, imported only when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

import click

from jingqiao import __version__

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "assets": "jingqiao.cli.assets:group",
        "bridge": "jingqiao.cli.bridge:group",
        "backtest": "jingqiao.cli.backtest:backtest",
        "dead-letters": "jingqiao.cli.dead_letters:group",
        "decode": "jingqiao.cli.decode:decode",
        "demo": "jingqiao.cli.demo:demo",
        "run": "jingqiao.cli.run:run",
        "check": "jingqiao.cli.check:check",
        "devices": "jingqiao.cli.devices:group",
        "doctor": "jingqiao.cli.doctor:doctor",
        "drill": "jingqiao.cli.drill:group",
        "import": "jingqiao.cli.import_:command",
        "incidents": "jingqiao.cli.incidents:incidents",
        "map": "jingqiao.cli.map_:group",
        "permits": "jingqiao.cli.permits:group",
        "notify": "jingqiao.cli.notify:notify",
        "report": "jingqiao.cli.report:report",
        "roster": "jingqiao.cli.roster:roster",
        "rules": "jingqiao.cli.rules:rules",
        "silences": "jingqiao.cli.silences:group",
        "simulate": "jingqiao.cli.simulate:simulate",
        "score": "jingqiao.cli.score:score",
        "tokens": "jingqiao.cli.tokens:group",
        "webhooks": "jingqiao.cli.webhooks:group",
        "users": "jingqiao.cli.users:group",
    }
)
"""Command → `module:attribute` of its click command; one line each."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for: `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, or None when there is none of that name."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, attribute = target.split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="jingqiao")
def main() -> None:
    """Jingqiao 井桥: early warning for a city's manhole covers and bridges."""
