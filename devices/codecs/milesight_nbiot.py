"""The wrapping of Milesight's NB-IoT devices (EM400): who sends, then the same channel items.

Layout [bytes]: start `02`, id 2, length 2 (of what follows it), flag 1, packet counter 2, protocol
version 1, firmware 4, hardware 4, serial number 16, IMEI 15, IMSI 15, ICCID 20 (all text), CSQ 1, length of
the data 2, data. Numbers are big-endian, unlike those of the items.
Source: milesight.com, EM400-MUD (NB-IoT) user guide, uplink data.
"""

from __future__ import annotations

from typing import Final

from devices.codecs.milesight_versions import digits, firmware, hardware
from devices.codecs.one_by_one import Introduction, Meaning, RefusedPayloadError
from devices.versions import Versions, version_text

NBIOT_START: Final = b"\x02"
HEADER_LENGTH: Final = 86
LENGTH_END: Final = 5
"""Offset at which the packet length ends and what it counts begins."""


def unwrap(packet: bytes) -> bytes:
    """The channel items of an NB-IoT packet. Raises RefusedPayloadError."""
    if len(packet) < HEADER_LENGTH:
        raise RefusedPayloadError(f"NB-IoT packet has at least {HEADER_LENGTH} bytes, found {len(packet)}")
    for start, end, name in (
        (9, 17, "versions"),
        (17, 33, "serial number"),
        (33, 48, "IMEI"),
        (48, 63, "IMSI"),
        (63, 83, "ICCID"),
    ):
        if not all(byte == 0 or 0x20 <= byte < 0x7F for byte in packet[start:end]):
            raise RefusedPayloadError(f"byte {start}: {name} must be text, found {packet[start:end].hex()}")
    stated = int.from_bytes(packet[3:5], "big")
    if stated != len(packet) - LENGTH_END:
        raise RefusedPayloadError(
            f"byte 3: packet length states {stated}, found {len(packet) - LENGTH_END} bytes behind it"
        )
    data_length = int.from_bytes(packet[84:86], "big")
    if data_length != len(packet) - HEADER_LENGTH:
        raise RefusedPayloadError(
            f"byte 84: data length states {data_length}, found {len(packet) - HEADER_LENGTH} bytes"
        )
    return packet[HEADER_LENGTH:]


def introduced(packet: bytes, meaning: Meaning) -> Meaning:
    """The meaning of a packet's items, with the versions that its head states; `unwrap` has taken it."""
    release, board = digits(packet[9:13]), digits(packet[13:17])
    versions = Versions(
        firmware="" if release is None else firmware(release),
        hardware="" if board is None else hardware(board),
        serial_number=version_text(packet[17:33].decode("ascii")),
    )
    if isinstance(meaning, str):
        return Introduction(versions, meaning)
    if isinstance(meaning, Introduction):
        return Introduction(versions, meaning.words, meaning.readings)
    return Introduction(versions, "well-formed, without a reading", meaning)
