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
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from jpki.cards.application_types import ApplicationType
from jpki.cards.card_types import CardType, FileId, card_type
from jpki.cards.rules import PINRule
from jpki.errors import CardError, JpkiError
from jpki.model.purposes import Purpose

__all__ = [
    "CardImage",
    "CardMemory",
    "CardState",
    "StoredApplication",
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

    private: RSAPrivateKey | EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredApplication:
    """What one of the card's other applications holds."""

    pins: Mapping[str, StoredPIN] = field(default_factory=dict)
    files: Mapping[FileId, bytes] = field(default_factory=dict, repr=False)
    """Names, addresses and the like."""


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
    applications: Mapping[str, StoredApplication] = field(default_factory=dict)
    """By the names that the card type gives them; one that is empty may be missing."""

    def __post_init__(self) -> None:
        if not _SERIAL.fullmatch(self.serial):
            raise CardError("a card serial is 1 to 16 letters and digits")

    def with_pin(self, purpose: Purpose, pin: StoredPIN) -> CardState:
        """The same card with this PIN."""
        return replace(self, pins={**self.pins, purpose: pin})

    def application(self, name: str) -> StoredApplication:
        """What this application holds."""
        return self.applications.get(name) or StoredApplication()

    def with_application(self, name: str, holds: StoredApplication) -> CardState:
        """The same card with this in one of its other applications."""
        return replace(self, applications={**self.applications, name: holds})

    def with_application_pin(self, name: str, pin: str, value: StoredPIN) -> CardState:
        """The same card with this PIN in one of its other applications."""
        holds = self.application(name)
        return self.with_application(
            name, replace(holds, pins={**holds.pins, pin: value})
        )

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
        """The same card as it came from the factory: nothing of its holder on it."""
        return replace(self, pins={}, keys={}, files={}, applications={})

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
        "pins": {purpose.value: _pin(pin) for purpose, pin in state.pins.items()},
        "keys": {
            purpose.value: _text(_pkcs8(key)) for purpose, key in state.keys.items()
        },
        "files": _files(state.files),
        "applications": {
            name: {
                "pins": {key: _pin(pin) for key, pin in holds.pins.items()},
                "files": _files(holds.files),
            }
            for name, holds in state.applications.items()
        },
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
                Purpose(name): _load_pin(kind.slot(Purpose(name)).pin, pin)
                for name, pin in fields["pins"].items()
            },
            keys={
                Purpose(name): _load_key(value)
                for name, value in fields["keys"].items()
            },
            files=_load_files(fields["files"]),
            # Cards that were made before there were any have no such entry.
            applications={
                name: _load_application(kind.other(name), holds)
                for name, holds in fields.get("applications", {}).items()
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


def _pin(pin: StoredPIN) -> dict[str, object]:
    salt, hashed = _text(pin.salt), _text(pin.hash)
    return {"salt": salt, "hash": hashed, "tries_left": pin.tries_left}


def _load_pin(rule: PINRule, pin: Any) -> StoredPIN:
    tries = pin["tries_left"]
    if type(tries) is not int or not 0 <= tries <= rule.tries:
        raise CardError("bad try counter")
    return StoredPIN(
        salt=_octets(pin["salt"]), hash=_octets(pin["hash"]), tries_left=tries
    )


def _files(files: Mapping[FileId, bytes]) -> dict[str, str]:
    return {f"{file:04X}": _text(content) for file, content in files.items()}


def _load_files(files: Any) -> dict[FileId, bytes]:
    return {int(name, 16): _octets(content) for name, content in files.items()}


def _load_application(kind: ApplicationType, holds: Any) -> StoredApplication:
    return StoredApplication(
        pins={
            name: _load_pin(kind.pin(name), pin) for name, pin in holds["pins"].items()
        },
        files=_load_files(holds["files"]),
    )


def _load_key(value: str) -> StoredKey:
    # Our own file: validating the key again would cost 60 ms each time.
    key = load_der_private_key(
        _octets(value), None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
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
