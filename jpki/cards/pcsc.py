"""Cards in readers, by PC/SC (winscard; pcscd on Linux). Needs the extra `pcsc`.

A connection holds a transaction: nobody else speaks to the card until it is closed, so
that no other program's SELECT comes between a PIN and the signature it allows. Closing
resets the card: rights that a PIN has won end with the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from jpki.errors import CardError, CardGone

try:
    from smartcard import scard
except ImportError:  # pragma: no cover - the extra is not installed
    scard = None

__all__ = ["PCSCTransport", "Reader", "readers", "wait_for_card", "wait_for_change"]

_PLUGGED: Final = r"\\?PnP?\Notification"
"""A name that stands for the list of readers itself."""
_LOOK_SECONDS: Final = 1.0
_GONE: Final = ("REMOVED_CARD", "RESET_CARD", "UNPOWERED_CARD", "UNRESPONSIVE_CARD")
_LOST: Final = ("NOT_TRANSACTED", "COMM_DATA_LOST")
"""The exchange broke off: with most readers, because the card is not there any more."""
_ABSENT: Final = ("NO_SMARTCARD", "READER_UNAVAILABLE", "UNKNOWN_READER")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """A reader, as the PC/SC service knows it."""

    name: str
    atr: bytes | None
    """Answer to reset of the card in it; None where there is none."""
    in_use: bool = False
    """Whether another program has the card for itself."""


def readers() -> tuple[Reader, ...]:
    """Every reader there is, with or without a card.

    Raises:
        CardError: there is no PC/SC service, or pyscard is not installed.
    """
    with _context() as context:
        return _readers(context)


def wait_for_change(known: tuple[Reader, ...], seconds: float) -> tuple[Reader, ...]:
    """The readers, as soon as one of them is not as it was known, or time is up.

    A reader that is plugged in or out and a card that comes or goes are changes.

    Args:
        known: what `readers` said.
        seconds: how long to wait at most.

    Raises:
        CardError: there is no PC/SC service, or pyscard is not installed.
    """
    until = monotonic() + seconds
    with _context() as context:
        while (now := _readers(context)) == known:
            left = until - monotonic()
            if left <= 0:
                break
            _wait(context, [reader.name for reader in now], left)
    return now


def wait_for_card(seconds: float, reader: str | None = None) -> Reader:
    """The first reader with a card in it, as soon as there is one.

    Args:
        seconds: how long to wait at most.
        reader: this one alone; it may be plugged in only later.

    Raises:
        CardGone: time is up.
        CardError: there is no PC/SC service, or pyscard is not installed.
    """
    until = monotonic() + seconds
    known = readers()
    while True:
        for one in known:
            if one.atr is not None and reader in (None, one.name):
                return one
        left = until - monotonic()
        if left <= 0:
            where = reader or ", ".join(one.name for one in known) or "no reader"
            raise CardGone(f"no card came ({where})", hint="insert the card")
        known = wait_for_change(known, left)


class PCSCTransport:
    """A connection to the card in one reader."""

    def __init__(self, reader: str) -> None:
        """Power the card on and keep it for this connection.

        Raises:
            CardGone: there is no such reader, or no card in it.
            CardError: the card or the service does not answer.
        """
        self._reader = reader
        self._context = _establish()
        self._card: Any = None
        self._gone = False
        try:
            self._card, self._protocol = self._connect()
            _check(scard.SCardBeginTransaction(self._card), reader)
        except BaseException:
            self.close()
            raise

    def _connect(self) -> tuple[Any, int]:
        code, card, protocol = scard.SCardConnect(
            self._context,
            self._reader,
            scard.SCARD_SHARE_SHARED,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
        )
        _check(code, self._reader)
        return card, protocol

    def __repr__(self) -> str:
        return f"PCSCTransport({self._reader!r})"

    def transmit(self, command: bytes) -> bytes:
        """Send one command APDU, return its response APDU with status word.

        Raises:
            CardGone: the card or its reader is no longer there.
            CardError: the reader refuses.
        """
        if self._card is None:
            raise CardGone("the connection to the card is closed")
        code, answer = scard.SCardTransmit(self._card, self._protocol, list(command))
        try:
            _check(code, self._reader)
        except CardGone:
            self._gone = True
            raise
        return bytes(octet & 0xFF for octet in answer)

    def close(self) -> None:
        """Reset the card and let it go; every right won is lost."""
        card, self._card = self._card, None
        if card is not None:
            # To reset a card that is gone makes pcscd call the reader empty without
            # its own watch (every 0.4 s) having seen it so: a card put in before that
            # would go unnoticed until it is taken out again.
            leave = scard.SCARD_LEAVE_CARD if self._gone else scard.SCARD_RESET_CARD
            scard.SCardEndTransaction(card, leave)
            scard.SCardDisconnect(card, leave)
        context, self._context = self._context, None
        if context is not None:
            scard.SCardReleaseContext(context)


def _readers(context: Any) -> tuple[Reader, ...]:
    code, names = scard.SCardListReaders(context, [])
    if code in (scard.SCARD_E_NO_READERS_AVAILABLE, scard.SCARD_E_UNKNOWN_READER):
        return ()
    _check(code, "readers")
    unaware = [(name, scard.SCARD_STATE_UNAWARE) for name in names]
    if not unaware:
        return ()
    code, states = scard.SCardGetStatusChange(context, 0, unaware)
    if code not in (scard.SCARD_S_SUCCESS, scard.SCARD_E_TIMEOUT):
        _check(code, "readers")
    return tuple(
        Reader(
            name=name,
            atr=bytes(atr) if state & scard.SCARD_STATE_PRESENT else None,
            in_use=bool(state & scard.SCARD_STATE_EXCLUSIVE),
        )
        for name, state, atr in states
    )


def _wait(context: Any, names: list[str], seconds: float) -> None:
    """Until something happens in one of these readers, or to the list of them."""
    states = [(name, scard.SCARD_STATE_UNAWARE) for name in names]
    if states:
        code, now = scard.SCardGetStatusChange(context, 0, states)
        if code == scard.SCARD_S_SUCCESS:
            changed = scard.SCARD_STATE_CHANGED
            states = [(name, state & ~changed) for name, state, _ in now]
    states.append((_PLUGGED, scard.SCARD_STATE_UNAWARE))
    # A reader without a driver's events is looked at again from time to time.
    milliseconds = int(min(seconds, _LOOK_SECONDS) * 1000)
    code, _ = scard.SCardGetStatusChange(context, milliseconds, states)
    if code not in (scard.SCARD_S_SUCCESS, scard.SCARD_E_TIMEOUT):
        _check(code, "readers")


@contextmanager
def _context() -> Iterator[Any]:
    context = _establish()
    try:
        yield context
    finally:
        with suppress(CardError):
            _check(scard.SCardReleaseContext(context), "context")


def _establish() -> Any:
    if scard is None:
        raise CardError(
            "readers need pyscard, which is not installed",
            hint="pip install 'jpki[pcsc]'; a virtual card's file needs no reader",
        )
    code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    if code in (scard.SCARD_E_NO_SERVICE, scard.SCARD_E_SERVICE_STOPPED):
        raise CardError(
            "there is no PC/SC service",
            hint="start pcscd (Debian: apt install pcscd)",
        )
    _check(code, "PC/SC")
    return context


def _check(code: int, what: str) -> None:
    """Raise what a status of the service means."""
    if code == scard.SCARD_S_SUCCESS:
        return
    says = scard.SCardGetErrorMessage(code)
    if code in _codes("SCARD_W", _GONE) | _codes("SCARD_E", _LOST):
        raise CardGone(f"{what}: the card was taken out or reset")
    if code in _codes("SCARD_E", _ABSENT):
        raise CardGone(f"{what}: there is no card", hint="insert the card")
    raise CardError(f"{what}: {says}")


def _codes(prefix: str, names: tuple[str, ...]) -> frozenset[int]:
    return frozenset(getattr(scard, f"{prefix}_{name}") for name in names)
