"""Which codec understands which model of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from devices.codecs.contract import Codec
from devices.codecs.decentlab import Decentlab
from devices.codecs.dingtek import DingTek
from devices.codecs.dragino import Dragino
from devices.codecs.elsys import Elsys
from devices.codecs.milesight import Milesight
from devices.codecs.netvox import Netvox

_FAMILIES: Final[tuple[Codec, ...]] = (Milesight(), DingTek(), Netvox(), Decentlab(), Dragino(), Elsys())

CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {model: codec for codec in _FAMILIES for model in codec.models}
)
"""Registry model (lower case) → its codec."""
