"""What a virtual card remembers without power: one file a card.

The file stands for the chip: whoever may read it holds the card opened. It is mode
0600, and the card program alone reads it. PINs are kept as salted hashes only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from jpki.cards.card_types import CardType, FileId, card_type
from jpki.errors import CardError, JpkiError
from jpki.model.purposes import Purpose

__all__ = [
    "CardImage",
    "CardMemory",
    "CardState",
    "StoredKey",
    "StoredPIN",
    "decode_state",
    "encode_state",
]

_FORMAT: Final = 1
_PIN_ROUNDS: Final = 10_000
_SERIAL: Final = re.compile(r"[0-9A-Za-z]{1,16}")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredPIN:
    """A PIN as the card keeps it."""

    salt: bytes
    hash: bytes = field(repr=False)
    tries_left: int

    @classmethod
    def of(cls, pin: bytes, salt: bytes, tries: int) -> StoredPIN:
        """Store a new PIN."""
        return cls(salt=salt, hash=_pin_hash(pin, salt), tries_left=tries)

    def matches(self, pin: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.hash, _pin_hash(pin, self.salt))


def _pin_hash(pin: bytes, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", pin, salt, _PIN_ROUNDS)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A private key on the card; `repr` and the card's answers never show it."""

    private: RSAPrivateKey = field(repr=False)

    @property
    def modulus_octets(self) -> int:
        """The length of the modulus, and so of every signature."""
        return self.private.key_size // 8


@dataclass(frozen=True, kw_only=True, slots=True)
class CardState:
    """Everything that outlives a power cut."""

    card_type: CardType
    serial: str
    counter_key: bytes = field(repr=False)
    """Shared with the municipal counter; see `jpki.cards.counter`."""
    pins: Mapping[Purpose, StoredPIN]
    keys: Mapping[Purpose, StoredKey]
    files: Mapping[FileId, bytes]
    """Certificate files that have been written, without padding."""

    def __post_init__(self) -> None:
        if not _SERIAL.fullmatch(self.serial):
            raise CardError("a card serial is 1 to 16 letters and digits")

    def with_pin(self, purpose: Purpose, pin: StoredPIN) -> CardState:
        """The same card with this PIN."""
        return replace(self, pins={**self.pins, purpose: pin})

    def with_tries(self, purpose: Purpose, tries: int) -> CardState:
        """The same card with this many tries left."""
        return self.with_pin(purpose, replace(self.pins[purpose], tries_left=tries))

    def with_new_key(self, purpose: Purpose, key: StoredKey) -> CardState:
        """The same card with a new key, and without the old key's certificates."""
        slot = self.card_type.slot(purpose)
        gone = slot.certificate, slot.ca_certificate
        return replace(
            self,
            keys={**self.keys, purpose: key},
            files={fid: data for fid, data in self.files.items() if fid not in gone},
        )

    def emptied(self) -> CardState:
        """The same card as it came from the factory: no keys, PINs or certificates."""
        return replace(self, pins={}, keys={}, files={})

    def with_files(self, files: Mapping[FileId, bytes]) -> CardState:
        """The same card with these files put in place, all at once."""
        return replace(self, files={**self.files, **files})


class CardImage(Protocol):
    """Where the octets are kept; `replace` returns once they outlive a power cut."""

    def read(self) -> bytes:
        """All of them."""
        ...

    def replace(self, content: bytes) -> None:
        """All of them, at once."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class CardMemory:
    """The state of one card, never ahead of what its image holds."""

    def __init__(self, image: CardImage) -> None:
        """Read the image.

        Raises:
            CardError: it is damaged.
        """
        self._image = image
        self._state = decode_state(image.read())

    @property
    def state(self) -> CardState:
        """As last committed."""
        return self._state

    def commit(self, state: CardState) -> None:
        """Make this the state, on disk first."""
        self._image.replace(encode_state(state))
        self._state = state

    def close(self) -> None:
        """Let the image go."""
        self._image.close()


# -- the file -----------------------------------------------------------------------


def encode_state(state: CardState) -> bytes:
    """The content of the card's file."""
    content = {
        "format": _FORMAT,
        "type": state.card_type.id,
        "serial": state.serial,
        "counter_key": _text(state.counter_key),
        "pins": {
            purpose.value: {
                "salt": _text(pin.salt),
                "hash": _text(pin.hash),
                "tries_left": pin.tries_left,
            }
            for purpose, pin in state.pins.items()
        },
        "keys": {
            purpose.value: _text(_pkcs8(key)) for purpose, key in state.keys.items()
        },
        "files": {f"{fid:04X}": _text(data) for fid, data in state.files.items()},
    }
    return json.dumps(content, indent=1).encode("ascii")


def decode_state(content: bytes) -> CardState:
    """Read a card's file.

    Raises:
        CardError: damaged, or not such a file.
    """
    try:
        fields = json.loads(content)
        if fields["format"] != _FORMAT:
            raise CardError(f"card file of format {fields['format']!r}")
        kind = card_type(fields["type"])
        return CardState(
            card_type=kind,
            serial=fields["serial"],
            counter_key=_octets(fields["counter_key"]),
            pins={
                Purpose(name): StoredPIN(
                    salt=_octets(pin["salt"]),
                    hash=_octets(pin["hash"]),
                    tries_left=_tries(kind, Purpose(name), pin["tries_left"]),
                )
                for name, pin in fields["pins"].items()
            },
            keys={
                Purpose(name): _load_key(value)
                for name, value in fields["keys"].items()
            },
            files={
                int(name, 16): _octets(value) for name, value in fields["files"].items()
            },
        )
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        UnsupportedAlgorithm,
        JpkiError,
    ) as error:
        raise CardError(f"not a usable card file: {error}") from None


def _tries(kind: CardType, purpose: Purpose, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= kind.slot(purpose).pin.tries:
        raise CardError("bad try counter")
    return value


def _load_key(value: str) -> StoredKey:
    # Our own file: validating the key again would cost 60 ms each time.
    key = load_der_private_key(
        _octets(value), None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, RSAPrivateKey):
        raise CardError("a key of another kind")
    return StoredKey(key)


def _pkcs8(key: StoredKey) -> bytes:
    return key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise CardError(f"bad base64: {error}") from None
