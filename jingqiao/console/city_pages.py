"""The pages on the city, in one list."""

from __future__ import annotations

from jingqiao.console.pages import bridge, city_map, devices, dossier, fleet, reports, rules, search

CITY_PAGES = (
    city_map.router,
    bridge.router,
    dossier.router,
    devices.router,
    fleet.router,
    reports.router,
    rules.router,
    search.router,
)
"""A page on the city adds its router here."""
