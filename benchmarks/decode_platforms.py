"""How many uplinks one core decodes in a second: EM320-TILT in ChirpStack envelopes, and native readings."""

from __future__ import annotations

import base64
import struct
import time

from devices.registry import Registry
from ingest import native
from ingest.envelopes import chirpstack
from ingest.message import Message

UPLINKS = 20_000
"""A batch of the size that a busy source hands over."""

ROUNDS = 5

ENVELOPE = (
    '{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2022-07-18T09:34:15.775023242+00:00",'
    '"deviceInfo":{"tenantId":"52f14cd4-c6f1-4fbd-8f87-4025e1d49242","tenantName":"ChirpStack",'
    '"applicationId":"17c82e96-be03-4f38-aef3-f83d48582d97","applicationName":"Covers",'
    '"deviceProfileId":"14855bf7-d10d-4aee-b618-ebfcb64dc7ad","deviceProfileName":"EM320-TILT",'
    '"deviceName":"cover %(number)d","devEui":"%(eui)s","tags":{"street":"a"}},"devAddr":"00189440",'
    '"adr":true,"dr":1,"fCnt":%(number)d,"fPort":85,"confirmed":false,"data":"%(data)s","rxInfo":[{"gatewayId":'
    '"0016c001f153a14c","uplinkId":4217106255,"nsTime":"2022-07-18T09:34:15.775023242+00:00","rssi":-36,'
    '"snr":10.5,"channel":2,"location":{},"context":"E3OWOQ==","metadata":{"region_name":"cn470_10",'
    '"region_common_name":"CN470"},"crcStatus":"CRC_OK"}],"txInfo":{"frequency":486300000,"modulation":'
    '{"lora":{"bandwidth":125000,"spreadingFactor":11,"codeRate":"CR_4_5"}}}}'
)


def uplinks(count: int) -> tuple[list[Message], Registry]:
    """So many uplinks, each of another sensor, and the registry that has them."""
    euis = [f"24e124713{number:07d}" for number in range(count)]
    registry = Registry.of([], [{"sensor_id": eui, "model": "em320-tilt"} for eui in euis])
    messages = []
    for number, eui in enumerate(euis):
        angles = struct.pack("<hhh", (number % 300) * 2, -(number % 200) * 2, 17_000)
        payload = b"\x01\x75\x5c\x03\xd4" + angles
        text = ENVELOPE % {"number": number, "eui": eui, "data": base64.b64encode(payload).decode()}
        topic = f"application/17c82e96-be03-4f38-aef3-f83d48582d97/device/{eui}/event/up"
        messages.append(Message(topic, text.encode(), 1_700_000_000_000_000))
    return messages, registry


def run() -> list[tuple[str, float, str]]:
    """(what, value, unit): the best of some rounds, since only disturbances make a round slower.

    Processor time, not the clock's: decoding is one thread, and other work on the machine is not its cost.
    """
    messages, registry = uplinks(UPLINKS)
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        batch = chirpstack.decode(messages, registry)
        best = min(best, time.process_time() - start)
        assert len(batch.frame) == UPLINKS
    return [
        ("EM320-TILT uplinks in ChirpStack envelopes, one core", UPLINKS / best, "uplinks/s"),
        ("native readings decoded, one core", UPLINKS / native_best(), "readings/s"),
    ]


def native_best() -> float:
    """Processor time of the best round over a batch of native readings of some 100 bytes [s]."""
    registry = Registry.of([], [{"sensor_id": f"cover-{i:06d}"} for i in range(UPLINKS)])
    received = 1_790_000_000_000_000
    messages = [
        Message(
            f"jingqiao/v1/cover-{i:06d}/readings",
            b'{"t":%d,"seq":%d,"tilt_deg":%.2f,"displacement_mm":%.1f,"temperature_c":%.1f,"battery_v":3.61}'
            % (received // 1000, i, i % 300 / 100, i % 50 / 10, 15 + i % 100 / 10),
            received,
        )
        for i in range(UPLINKS)
    ]
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        batch = native.decode(messages, registry)
        best = min(best, time.process_time() - start)
        assert len(batch.frame) == UPLINKS
    return best


if __name__ == "__main__":
    for what, value, unit in run():
        print(f"{what}: {value:,.0f} {unit}")
