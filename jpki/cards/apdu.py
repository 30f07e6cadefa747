"""Command and response APDUs as bytes (ISO/IEC 7816-3 section 12, 7816-4 section 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from jpki.errors import EncodingError

__all__ = ["CommandAPDU", "Instruction", "ResponseAPDU", "StatusWord"]

_SHORT_DATA: Final = 255
_SHORT_ANSWER: Final = 256
_EXTENDED_DATA: Final = 65535
_EXTENDED_ANSWER: Final = 65536


class Instruction(IntEnum):
    """Instruction bytes that the JPKI application knows (ISO/IEC 7816-4, -8, -9)."""

    VERIFY = 0x20
    CHANGE_REFERENCE_DATA = 0x24
    PERFORM_SECURITY_OPERATION = 0x2A
    RESET_RETRY_COUNTER = 0x2C
    CHANGE_KEY = 0x32
    """CHANGE REFERENCE DATA of JICSAP, class 80."""
    ACTIVATE_FILE = 0x44
    GENERATE_ASYMMETRIC_KEY_PAIR = 0x47
    EXTERNAL_AUTHENTICATE = 0x82
    GET_CHALLENGE = 0x84
    SELECT = 0xA4
    READ_BINARY = 0xB0
    READ_RECORD = 0xB2
    GET_RESPONSE = 0xC0
    UPDATE_BINARY = 0xD6
    TERMINATE_DF = 0xE6


class StatusWord(IntEnum):
    """What the card says at the end of every answer (ISO/IEC 7816-4 5.6)."""

    OK = 0x9000
    MORE_DATA = 0x6100
    """Low octet: how much of the answer GET RESPONSE can fetch (00 = 256 or more)."""
    AUTHENTICATION_FAILED = 0x6300
    RETRIES_LEFT = 0x63C0
    """Low digit: tries left."""
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    LAST_OF_CHAIN_EXPECTED = 0x6883
    INCOMPATIBLE_FILE = 0x6981
    SECURITY_STATUS = 0x6982
    BLOCKED_BY_ISO = 0x6983
    """What ISO says where JPKI cards say `REFERENCE_DATA_UNUSABLE`."""
    REFERENCE_DATA_UNUSABLE = 0x6984
    CONDITIONS_OF_USE = 0x6985
    NO_CURRENT_FILE = 0x6986
    WRONG_DATA = 0x6A80
    FILE_NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    NOT_ENOUGH_MEMORY = 0x6A84
    WRONG_PARAMETERS = 0x6A86
    KEY_NOT_FOUND = 0x6A88
    WRONG_OFFSET = 0x6B00
    UNKNOWN_INSTRUCTION = 0x6D00
    UNKNOWN_CLASS = 0x6E00


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandAPDU:
    """One command, in short form where it fits and extended form where it must."""

    cla: int = 0x00
    ins: int
    p1: int = 0
    p2: int = 0
    data: bytes = field(default=b"", repr=False)
    le: int | None = None
    """How much answer is wanted at most; None for none, 256 (65536) for 'all'."""

    def __bytes__(self) -> bytes:
        header = bytes((self.cla, self.ins, self.p1, self.p2))
        size, wanted = len(self.data), self.le
        impossible = wanted is not None and not 0 < wanted <= _EXTENDED_ANSWER
        if impossible or size > _EXTENDED_DATA:
            raise EncodingError("command does not fit an APDU")
        if size <= _SHORT_DATA and (wanted or 0) <= _SHORT_ANSWER:
            body = bytes((size,)) + self.data if size else b""
            return header + body + (b"" if wanted is None else bytes((wanted & 0xFF,)))
        body = b"\0" + size.to_bytes(2, "big") + self.data if size else b""
        if wanted is None:
            return header + body
        mark = b"" if size else b"\0"
        return header + body + mark + (wanted & 0xFFFF).to_bytes(2, "big")

    @classmethod
    def parse(cls, raw: bytes) -> CommandAPDU:
        """Take apart any of the seven forms (ISO/IEC 7816-3 table 11).

        Raises:
            EncodingError: header cut short, or lengths that do not add up.
        """
        if len(raw) < 4:
            raise EncodingError("a command has at least four octets")
        data, le = _body(raw[4:])
        return cls(cla=raw[0], ins=raw[1], p1=raw[2], p2=raw[3], data=data, le=le)


def _body(body: bytes) -> tuple[bytes, int | None]:
    size = len(body)
    if size == 0:
        return b"", None
    first = body[0]
    if size == 1:
        return b"", first or _SHORT_ANSWER
    if first:
        if size == 1 + first:
            return body[1:], None
        if size == 2 + first:
            return body[1:-1], body[-1] or _SHORT_ANSWER
    elif size >= 3:
        count = int.from_bytes(body[1:3], "big")
        if size == 3:
            return b"", count or _EXTENDED_ANSWER
        if count and size == 3 + count:
            return body[3:], None
        if count and size == 5 + count:
            wanted = int.from_bytes(body[-2:], "big")
            return body[3:-2], wanted or _EXTENDED_ANSWER
    raise EncodingError("command length does not add up")


@dataclass(frozen=True, slots=True)
class ResponseAPDU:
    """One answer: data and a status word."""

    status: int
    data: bytes = field(default=b"", repr=False)

    def __bytes__(self) -> bytes:
        return self.data + self.status.to_bytes(2, "big")

    @classmethod
    def parse(cls, raw: bytes) -> ResponseAPDU:
        """Split data from status word.

        Raises:
            EncodingError: shorter than a status word.
        """
        if len(raw) < 2:
            raise EncodingError("an answer has at least two octets")
        return cls(int.from_bytes(raw[-2:], "big"), raw[:-2])
