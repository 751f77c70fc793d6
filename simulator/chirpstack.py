"""The envelope that ChirpStack v4 publishes an uplink in (JSON integration events)."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Final

from simulator.truth import rfc3339

APPLICATION: Final = "17c82e96-be03-4f38-aef3-f83d48582d97"
_SPACE: Final = uuid.UUID("7b0c3f3e-4ac0-4a7b-9a53-3c1d8d6f2a10")


def gateway_id(number: int) -> str:
    """EUI of a simulated gateway."""
    return f"24e124fffef{number:05x}"


def topic(eui: str) -> str:
    """Where ChirpStack publishes uplinks of a device."""
    return f"application/{APPLICATION}/device/{eui}/event/up"


def uplink(
    eui: str,
    model: str,
    time_us: int,
    frame_counter: int,
    payload: bytes,
    rssi_dbm: float,
    snr_db: float,
    gateway: int,
) -> bytes:
    """The event `up`; `time_us` is when the gateway received it."""
    event = {
        "deduplicationId": str(uuid.uuid5(_SPACE, f"{eui}/{frame_counter}")),
        "time": rfc3339(time_us).replace("Z", "+00:00"),
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "tenantName": "Ezhou (synthetic)",
            "applicationId": APPLICATION,
            "applicationName": "manhole covers",
            "deviceProfileId": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad",
            "deviceProfileName": model,
            "deviceName": eui,
            "devEui": eui,
            "tags": {},
        },
        "devAddr": eui[-8:],
        "adr": True,
        "dr": 3,
        "fCnt": frame_counter,
        "fPort": 85,
        "confirmed": False,
        "data": base64.b64encode(payload).decode(),
        "rxInfo": [
            {
                "gatewayId": gateway_id(gateway),
                "uplinkId": frame_counter + 1000,
                "rssi": round(rssi_dbm),
                "snr": round(snr_db, 1),
                "context": "E3OWOQ==",
                "crcStatus": "CRC_OK",
            }
        ],
        "txInfo": {
            "frequency": 486_300_000,
            "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 9, "codeRate": "CR_4_5"}},
        },
    }
    return json.dumps(event, separators=(",", ":")).encode()
