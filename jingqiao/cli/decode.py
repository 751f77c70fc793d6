"""`jingqiao decode`: what a device's bytes mean, or the reason why they mean nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

import click
import numpy as np

from config.messages import text
from devices.codecs.believable import unbelievable, without
from devices.codecs.catalogue import CODECS
from devices.codecs.contract import NO_TIME, Decoded
from devices.quantities import QUANTITIES
from jingqiao.cli.output import CHECK_FAILED, language, print_json, print_table

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def known_model(name: str) -> str:
    """The model's registry name. Raises click.UsageError that names the nearest ones."""
    model = name.strip().lower()
    if model in CODECS:
        return model
    near = get_close_matches(model, CODECS, n=3, cutoff=0.5) or sorted(CODECS)
    raise click.UsageError(text("decode.unknown_model", language(), model=name, known=", ".join(near)))


def bytes_of(hex_text: str) -> bytes:
    """Bytes from hexadecimal text, with blanks, colons, dashes and 0x as people paste them."""
    digits = re.sub(r"0[xX]|[\s:,_-]", "", hex_text)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        odd = re.search(r"[^0-9a-fA-F]", digits)
        fault = "decode.not_hex" if odd else "decode.half_byte"
        found = odd.group() if odd else len(digits)
        raise click.UsageError(text(fault, language(), found=found)) from None


def shown(name: str, value: np.float32) -> float | bool:
    """A value as people and programs want it: yes/no as such, no trace of its 32 bits."""
    if QUANTITIES[name].boolean:
        return bool(value)
    return round(float(np.format_float_positional(value, unique=True)), 4)


def readings_of(decoded: Decoded) -> list[dict[str, object]]:
    """The readings as JSON-ready objects, `t` first where the payload states it."""
    readings: list[dict[str, object]] = []
    for index, time in enumerate(decoded.time.tolist()):
        reading: dict[str, object] = {}
        if time != NO_TIME:
            reading["t"] = (EPOCH + timedelta(microseconds=time)).isoformat().replace("+00:00", "Z")
        for name in QUANTITIES:
            column = decoded.columns.get(name)
            if column is not None and not np.isnan(column[index]):
                reading[name] = shown(name, column[index])
        readings.append(reading)
    return readings


def _print_readings(readings: list[dict[str, object]]) -> None:
    rows = []
    for reading in readings:
        for name, value in reading.items():
            unit = QUANTITIES[name].unit if name in QUANTITIES else ""
            # Yes/no as in the JSON, so that both are found by the same word.
            cell = str(value).lower() if isinstance(value, bool) else value
            rows.append((name, text(f"decode.quantity.{name}", language()), cell, unit))
    columns = [text(f"decode.column.{column}", language()) for column in ("name", "meaning", "value", "unit")]
    print_table(columns, rows)


@click.command("decode")
@click.option("--model", required=True, metavar="MODEL", help="Model as in the registry, e.g. em320-tilt.")
@click.option("--port", type=click.IntRange(0, 255), help="LoRaWAN port (fPort) it came on.")
@click.option("--json", "as_json", is_flag=True, help="Print the readings as a JSON array.")
@click.argument("payload", metavar="HEX", nargs=-1, required=True)
def decode(model: str, port: int | None, as_json: bool, payload: tuple[str, ...]) -> None:
    """What a device's bytes mean, or the reason why not.

    HEX may have blanks, colons and 0x. Exit code 1 when the codec refuses the bytes.
    """
    name, data = known_model(model), bytes_of(" ".join(payload))
    decoded = CODECS[name].decode(name, [data], [port])
    decoded = without(decoded, unbelievable(decoded))
    if 0 in decoded.errors:
        reason = decoded.errors[0]
        if as_json:
            print_json({"error": reason})
        click.echo(text("decode.refused", language(), model=name, reason=reason), err=True)
        raise SystemExit(CHECK_FAILED)
    readings = readings_of(decoded)
    if as_json:
        print_json(readings)
    elif readings:
        _print_readings(readings)
    if 0 in decoded.notices:
        click.echo(text("decode.notice", language(), notice=decoded.notices[0]), err=as_json)
