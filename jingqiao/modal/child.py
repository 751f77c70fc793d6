"""Modes found in a process of its own: the service and its logs know nothing of pyOMA-2."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from jingqiao.modal.observation import Mode
from jingqiao.modal.window import Window


class Identifies(Protocol):
    """Finds the modes of a window."""

    def __call__(self, window: Window) -> list[Mode]:
        """The modes, by frequency."""
        ...


Apart = Callable[[], AbstractContextManager[Identifies]]
"""Where modes are found."""


def installed() -> bool:
    """Whether the extra `modal` is there."""
    return importlib.util.find_spec("pyoma2") is not None


@contextmanager
def apart() -> Iterator[Identifies]:
    """One process, behind all others in line for the processor, that finds modes until it is let go."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=_begin) as pool:
        yield lambda window: pool.submit(_modes_of, window).result()


def _begin() -> None:
    """Quiet and polite. The matrices are small: a second thread of linear algebra would only wait."""
    os.environ |= {"TQDM_DISABLE": "1", "PYOMA_LOG_LEVEL": "CRITICAL"}  # read when these are imported
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - comes with the extra

    threadpool_limits(1)
    os.nice(10)


def _modes_of(window: Window) -> list[Mode]:
    from jingqiao.modal.identify import modes_of  # noqa: PLC0415 - the extra is loaded here only

    return modes_of(window)
