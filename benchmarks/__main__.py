"""`make bench`: every figure that is promised, measured one after the other, as a table."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import platform
import sys
from importlib import import_module
from pathlib import Path

from jingqiao.logging import set_up_logging

PARTS = (
    "drain",
    "service_drain",
    "latency",
    "rules_speed",
    "backtest_speed",
    "bridge_speed",
    "decode_platforms",
    "registry_size",
    "restart",
    "typhoon",
    "kills",
    "console",
    "console_city",
    "map_pan",
)
"""Modules of this package with `run() -> list[tuple[what, figure, unit]]`, in the order of the table."""


def main() -> None:
    """Run the parts that are named, or all; print the table, and keep it with `--write FILE`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default all")
    parser.add_argument("--write", type=Path, help="put the table between the marks of this Markdown file")
    options = parser.parse_args()
    set_up_logging(level=logging.ERROR)  # standard output is the table's
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    command = f"make bench ARGS='{' '.join(options.parts)}'" if options.parts else "make bench"
    lines = [
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}: `{command}`",
        "",
        "| what | figure | unit |",
        "|---|---:|---|",
    ]
    for name in options.parts or PARTS:
        gc.collect()
        for what, figure, unit in import_module(f"benchmarks.{name}").run():
            line = f"| {what} | {figure:,.{0 if figure >= 1000 else 2}f} | {unit} |"
            lines.append(line)
            sys.stderr.write(line + "\n")
    table = "\n".join(lines)
    sys.stdout.write(table + "\n")
    if options.write is not None:
        write_between_marks(options.write, table)


def write_between_marks(path: Path, table: str) -> None:
    """Replace what stands between `<!-- bench -->` and `<!-- /bench -->`."""
    text = path.read_text("utf-8")
    head, _, rest = text.partition("<!-- bench -->\n")
    _, _, tail = rest.partition("<!-- /bench -->")
    path.write_text(f"{head}<!-- bench -->\n{table}\n<!-- /bench -->{tail}", "utf-8")


if __name__ == "__main__":
    main()
