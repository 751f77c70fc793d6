"""What every codec takes and gives: a batch of payloads of one model in, columns of readings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from devices.versions import Versions

NO_TIME: Final = np.iinfo(np.int64).min
"""`time` of a reading whose payload states none: it was measured when it was sent."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a batch of payloads means.

    row : int32[m]  Which payload each reading came from; not decreasing. A payload gives none, one,
        or (history) several.
    time : int64[m]  Event time the payload states [µs since 1970 UTC]; NO_TIME where it states none.
    columns : name → float32[m]  Quantities of `devices.quantities`; NaN = not in that payload.
    errors : payload row → reason  Payloads that are refused whole, each with a reason that a technician
        understands (English, one line, names the byte offset and what was expected).
    notices : payload row → text  Well-formed payloads that carry no reading (version report, answer to a
        command), and what they say.
    versions : payload row → what the device said of itself, alone or beside readings.
    """

    row: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[np.float32]]
    errors: Mapping[int, str] = field(default_factory=dict)
    notices: Mapping[int, str] = field(default_factory=dict)
    versions: Mapping[int, Versions] = field(default_factory=dict)


class Codec(Protocol):
    """Understands one family of models. Never raises on any bytes; never guesses."""

    models: tuple[str, ...]
    """Registry `model` names, lower case."""

    def decode(self, model: str, payloads: Sequence[bytes], ports: Sequence[int | None]) -> Decoded:
        """Decode payloads of one model; `ports` are the LoRaWAN fPorts, None where there is none."""
        ...
