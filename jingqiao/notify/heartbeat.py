"""The dead man's heartbeat: a second system hears from us while warnings can get out, and else misses us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import requests
import sqlalchemy as sa
import structlog

from config.settings import HeartbeatSettings
from jingqiao.clock import Clock
from jingqiao.notify.outbox_health import outbox_trouble

_TIMEOUT_S: Final = 10.0

log = structlog.get_logger()


class Heartbeat:
    """Looks at the outbox every `every_s`, and calls the second system while all is well.

    settings : HeartbeatSettings | None  None = no second system; the outbox is still looked at.
    well : () → bool  Whether the rest of the service is well.
    """

    def __init__(
        self,
        database: sa.Engine,
        clock: Clock,
        settings: HeartbeatSettings | None,
        well: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._well = well

    async def run(self) -> None:
        """Step for ever."""
        every_s = self._settings.every_s if self._settings is not None else 60.0
        while True:
            try:
                await self.step()
            except sa.exc.SQLAlchemyError:
                log.exception("the outbox cannot be read; the second system hears nothing")
            await self._clock.sleep(every_s)

    async def step(self) -> bool:
        """Look once; True when the second system was told that all is well."""
        trouble = await asyncio.to_thread(outbox_trouble, self._database, self._clock.now())
        if trouble is not None:
            log.error("no message gets out: call people by telephone", trouble=trouble)
        if self._settings is None or trouble is not None or not self._well():
            return False
        return await asyncio.to_thread(self._call, self._settings)

    @staticmethod
    def _call(settings: HeartbeatSettings) -> bool:
        try:
            url = settings.url.get_secret_value()  # such addresses often hold a key
            answer = requests.request(settings.method, url, timeout=_TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            log.warning("the second system cannot be reached", reason=type(error).__name__)
            return False
        if answer.status_code >= 300:
            log.warning("the second system does not take the heartbeat", status=answer.status_code)
            return False
        return True
