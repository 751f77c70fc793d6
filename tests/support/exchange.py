"""An office whose incidents go out to other systems, on a told clock."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from config.settings import Settings
from jingqiao.database import reading
from jingqiao.exchange.cap import CapMessage
from jingqiao.exchange.outlet import Outlet
from jingqiao.exchange.tables import cap_message, webhook_delivery
from jingqiao.exchange.webhooks import Webhooks
from tests.support.response import Office

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CAP = {"sender": "jingqiao@ezhou.gov.cn", "sender_name": "鄂州市市政工程管理处", "contact": "0711-12319"}


def hook(name: str, url: str, **more: Any) -> dict[str, Any]:
    """Settings of a webhook."""
    return {"name": name, "url": url, "secret": SECRET, "timeout_s": 0.4, **more}


class OutwardOffice(Office):
    """Incidents, and what becomes of them outside."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder)
        self.settings = Settings(data_dir=folder, **settings)
        self.outlet = Outlet(self.database, self.settings, self.clock.now, lambda: self.roster)
        self.outlet.start()
        self.webhooks = Webhooks(self.database, self.settings, self.outlet, self.clock)

    def warnings(self) -> list[CapMessage]:
        """CAP messages, oldest first; what happened is taken in before."""
        while self.outlet.take_in():
            pass
        with reading(self.database) as connection:
            query = sa.select(cap_message.c.document).order_by(cap_message.c.id)
            return [CapMessage.of_document(document) for document in connection.execute(query).scalars()]

    def deliveries(self) -> list[Mapping[str, Any]]:
        """All deliveries, oldest first."""
        with reading(self.database) as connection:
            query = sa.select(webhook_delivery).order_by(webhook_delivery.c.id)
            return [dict(row) for row in connection.execute(query).mappings()]
