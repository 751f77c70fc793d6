"""What the city's pages share: the map and its layers, made once for an application."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from jingqiao.console.parts import Parts
from jingqiao.map.city_map import CityMap
from jingqiao.map.layers import Layers, map_folder


class City:
    """Held by the application; everything in it is safe for threads."""

    def __init__(self, parts: Parts) -> None:
        tiles = parts.settings.console.tiles
        crs = tiles.crs if tiles is not None else "wgs84"
        self.map = CityMap(parts.database, parts.registry, crs)
        self.layers = Layers(map_folder(parts.settings.data_dir), crs)


def city_of(request: Request) -> City:
    """The city of the application that serves a request."""
    return cast(City, request.app.state.city)


CityOf = Annotated[City, Depends(city_of)]
"""A parameter of this type is the city."""
