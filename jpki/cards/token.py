"""Token information, EF 0006: a PKCS#11 CK_TOKEN_INFO, big-endian, 160 octets."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from jpki.errors import EncodingError

__all__ = ["TOKEN_INFO_SIZE", "TokenInfo"]

_LAYOUT: Final = struct.Struct(">32s32s16s16sI4I2I4I2s2s16s")
TOKEN_INFO_SIZE: Final = _LAYOUT.size

# CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED
_FLAGS: Final = 0x0001 | 0x0004 | 0x0008 | 0x0400
_UNAVAILABLE: Final = 0xFFFF_FFFF  # CK_UNAVAILABLE_INFORMATION


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenInfo:
    """What a card says about itself before any PIN."""

    label: str
    """Tells the generations apart, such as `JPKIAPICCTOKEN2`."""
    manufacturer: str
    model: str
    serial: str
    longest_pin: int
    shortest_pin: int

    def __bytes__(self) -> bytes:
        return _LAYOUT.pack(
            _padded(self.label, 32),
            _padded(self.manufacturer, 32),
            _padded(self.model, 16),
            _padded(self.serial, 16),
            _FLAGS,
            *(_UNAVAILABLE, 0, _UNAVAILABLE, 0),
            self.longest_pin,
            self.shortest_pin,
            *([_UNAVAILABLE] * 4),
            b"\1\0",
            b"\1\0",
            b" " * 16,
        )

    @classmethod
    def parse(cls, raw: bytes) -> TokenInfo:
        """Read the fields that mean something here.

        Raises:
            EncodingError: not 160 octets, or texts that are not ASCII.
        """
        if len(raw) != TOKEN_INFO_SIZE:
            raise EncodingError(f"token information of {len(raw)} octets")
        fields = _LAYOUT.unpack(raw)
        try:
            texts = [field.decode("ascii").rstrip(" \0") for field in fields[:4]]
        except UnicodeDecodeError:
            raise EncodingError("token information is not ASCII") from None
        label, manufacturer, model, serial = texts
        return cls(
            label=label,
            manufacturer=manufacturer,
            model=model,
            serial=serial,
            longest_pin=fields[9],
            shortest_pin=fields[10],
        )


def _padded(text: str, size: int) -> bytes:
    octets = text.encode("ascii", "replace")
    if len(octets) > size:
        raise EncodingError(f"{text!r} is longer than {size} octets")
    return octets.ljust(size)
