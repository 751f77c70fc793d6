"""`jingqiao doctor`: PASS, WARN or FAIL for everything between a sensor and a phone, with a fix each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from config.faults import FaultsError
from config.messages import text
from config.settings import load_settings
from jingqiao.cli.output import CHECK_FAILED, language, print_json, print_table
from jingqiao.clock import WallClock
from jingqiao.doctor.checks import Doctor, package_names, python_version
from jingqiao.doctor.finding import Finding, Level


@click.command
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=Path("jingqiao.toml"),
    show_default=True,
)
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON.")
def doctor(file: Path, as_json: bool) -> None:
    """Say what on this machine would stop a warning from getting through, and how to mend it."""
    lang = language()
    try:
        settings = load_settings(file)
    except FaultsError as error:
        fix = text("doctor.settings_fix", lang)
        findings = [python_version(lang), package_names(lang)]
        findings += [Finding("settings", Level.FAIL, str(fault), fix) for fault in error.faults]
    else:
        findings = Doctor(file, settings, lang, WallClock().now).findings()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        heads = [text(f"doctor.head_{name}", lang) for name in ("check", "level", "what", "fix")]
        print_table(heads, [(f.check, f.level.value, f.what, f.fix) for f in findings])
    if any(finding.level is Level.FAIL for finding in findings):
        raise SystemExit(CHECK_FAILED)
