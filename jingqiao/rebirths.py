"""Sparkplug B nodes whose announcement was missed are asked to announce themselves anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from ingest.envelopes.sparkplug import SparkplugDecoder
from ingest.envelopes.sparkplug_payload import rebirth_command
from jingqiao.broker_out import BrokerAwayError, BrokerOut, PublishRefusedError
from jingqiao.clock import Clock

_log = structlog.get_logger()

POLL_S: Final = 0.5
PATIENCE_S: Final = 10.0
"""How long a node is given to obey before it is asked again [s]: asking costs it all its metrics."""


class Rebirths:
    """Asks through the broker that a node was heard on.

    ways : decoder and broker of each source.
    """

    def __init__(self, ways: Sequence[tuple[SparkplugDecoder, BrokerOut]], clock: Clock) -> None:
        self._ways = ways
        self._clock = clock
        self._wanted: list[dict[tuple[str, str], str]] = [{} for _ in ways]
        self._asked: dict[tuple[int, str, str], int] = {}

    async def run(self) -> None:
        """Step for ever."""
        while True:
            await self.step()
            await self._clock.sleep(POLL_S)

    async def step(self) -> None:
        """Ask every node that is wanted and was not asked a moment ago."""
        now = self._clock.now()
        self._asked = {node: at for node, at in self._asked.items() if now - at < PATIENCE_S * 1e6}
        for i, (decoder, broker) in enumerate(self._ways):
            wanted = self._wanted[i]
            wanted |= {
                node: why for node, why in decoder.take_rebirths().items() if (i, *node) not in self._asked
            }
            if not wanted:
                continue
            try:
                async with broker.connected() as publish:
                    for group, node in list(wanted):
                        await publish(f"spBv1.0/{group}/NCMD/{node}", rebirth_command(now // 1000))
                        self._asked[i, group, node] = now
                        why = wanted.pop((group, node))
                        _log.info("asked a Sparkplug node for a rebirth", group=group, node=node, why=why)
            except PublishRefusedError as error:
                wanted.clear()
                _log.error("a rebirth may not be asked for", broker=broker.url, reason=str(error))
            except BrokerAwayError as error:
                _log.warning(
                    "a rebirth cannot be asked for; trying again", broker=broker.url, reason=str(error)
                )
