"""Status words as errors: the one place where that is decided."""

from __future__ import annotations

from typing import Final

from jpki.cards.apdu import StatusWord
from jpki.errors import APDUError, CardError, PINBlocked, PINError, WrongCard

__all__ = ["error_of_status", "meaning_of_status", "tries_of_status"]


_HINTS: Final[dict[int, str]] = {
    StatusWord.AUTHENTICATION_FAILED: "the issuer of this card has another secret",
    StatusWord.MEMORY_FAILURE: "the card could not write; nothing was changed",
    StatusWord.SECURITY_STATUS: "a PIN, or the counter's authentication, comes first",
    StatusWord.UNKNOWN_INSTRUCTION: "this card does not know the command",
}


def meaning_of_status(status: int) -> str:
    """What a status word says, in a few words; empty for one that is not known."""
    tries = tries_of_status(status)
    if tries is not None:
        return f"tries left: {tries}"
    if status & 0xFF00 == StatusWord.MORE_DATA:
        return f"{status & 0xFF or 256} octets wait for GET RESPONSE"
    try:
        return StatusWord(status).name.replace("_", " ").lower()
    except ValueError:
        return ""


def tries_of_status(status: int) -> int | None:
    """The tries left that 63Cx tells, None for any other status word."""
    return status & 0x0F if status & 0xFFF0 == StatusWord.RETRIES_LEFT else None


def error_of_status(status: int, command: str) -> CardError:
    """The error that says what a status word other than 9000 means here."""
    tries = tries_of_status(status)
    if tries is not None:
        return PINError(tries) if tries else PINBlocked()
    if status in (StatusWord.REFERENCE_DATA_UNUSABLE, StatusWord.BLOCKED_BY_ISO):
        return PINBlocked()
    if status in (StatusWord.FILE_NOT_FOUND, StatusWord.KEY_NOT_FOUND):
        return WrongCard(f"{command}: this card has no such object")
    return APDUError(status, command, hint=_HINTS.get(status))
