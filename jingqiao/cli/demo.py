"""`jingqiao demo`: everything in one process, nothing to set up, no network."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.live import Live

from config.faults import FaultsError
from jingqiao.cli.output import fail_with, language, print_json
from jingqiao.logging import set_up_logging


@click.command
@click.option("--seconds", type=click.FloatRange(min=1), help="End after so many seconds of wall time.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON; no screen.")
@click.option("--scenario", default="demo", show_default=True, help="A scenario of the example city.")
@click.option("--screenshot", type=click.Path(path_type=Path), help="Keep the last screen as SVG.")
def demo(seconds: float | None, as_json: bool, scenario: str, screenshot: Path | None) -> None:
    """Watch a synthetic city being kept safe: three weeks in a few minutes."""
    # Heavy, and of no use to the other commands.
    from jingqiao.demo.console_door import ConsoleDoor, show_in_browser  # noqa: PLC0415
    from jingqiao.demo.screen import Screen, summary_table  # noqa: PLC0415
    from jingqiao.demo.stage import Stage  # noqa: PLC0415
    from jingqiao.demo.summary import summary  # noqa: PLC0415

    lang = language()
    set_up_logging(level=logging.ERROR)
    for name in ("amqtt", "transitions", "mqtt", "paho", "aiomqtt"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="jingqiao-demo-", ignore_cleanup_errors=True) as folder:
        try:
            stage = Stage(Path(folder), scenario, seconds)
        except FaultsError as error:
            fail_with(error)
        screen = Screen(stage, lang, ZoneInfo("Asia/Shanghai"))
        console = Console(record=screenshot is not None, width=120 if screenshot else None)
        shown = not as_json and (console.is_terminal or screenshot is not None)
        with contextlib.ExitStack() as stack:
            live = (
                stack.enter_context(Live(console=console, auto_refresh=False, screen=console.is_terminal))
                if shown
                else None
            )
            drawn = 0.0

            def on_step() -> None:
                nonlocal drawn
                if live is not None and time.monotonic() - drawn > 0.2:
                    live.update(screen.draw(), refresh=True)
                    drawn = time.monotonic()

            def on_open(door: ConsoleDoor) -> None:
                if not as_json:
                    console.print(door.sentence(lang), soft_wrap=True)
                if linger:
                    show_in_browser(door)

            linger = shown and console.is_terminal and seconds is None and screenshot is None
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(stage.play(on_step, on_open, linger=linger))
        result = summary(stage, lang)
        if as_json:
            print_json(result)
        else:
            console.print(summary_table(result, lang))
        if screenshot is not None:
            # rich points at web fonts; a picture of an office without internet must not ask for them
            picture = re.sub(r"@font-face \{[^}]*\}\s*", "", console.export_svg(title="jingqiao demo"))
            screenshot.write_text(picture, "utf-8")
    if result["missed"] or result["false"]:
        raise SystemExit(1)
