"""The page of a report made in a process of its own: the service goes on answering meanwhile."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final
from zoneinfo import ZoneInfo

from config.messages import Language
from config.rules import RuleSet
from devices.frame import Frame
from devices.registry import Registry
from ingest.log import Control
from jingqiao.bridge_report import report
from jingqiao.bridge_report.month import month_of

_one_at_a_time: Final = Lock()


@dataclass(frozen=True, slots=True)
class Order:
    """What `report.make` needs, as it can be given to another process: the month by its name and zone."""

    registry: Registry
    rules: RuleSet
    frame: Frame
    controls: Sequence[Control]
    month: str
    zone: str
    made_at: int
    source: str
    language: Language
    told: report.Told


def made_apart(order: Order) -> str:
    """HTML of the report; one is made at a time."""
    with (
        _one_at_a_time,
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        return pool.submit(_make, order).result()


def _make(order: Order) -> str:
    made = report.make(
        order.registry,
        order.rules,
        order.frame,
        order.controls,
        month_of(order.month, ZoneInfo(order.zone)),
        made_at=order.made_at,
        source=order.source,
        language=order.language,
        told=order.told,
    )
    return report.page(made)
