"""Private keys on a token: made so that they cannot be taken out, and found again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import pkcs11
from pkcs11 import Attribute, KeyType, ObjectClass

from jpki.der.writer import object_identifier
from jpki.errors import KeyNotFound, KeyProviderError
from jpki.keys.pkcs11.uri import PKCS11URI
from jpki.keys.pkcs11.values import ec_public_key, rsa_public_key, suite_of_label
from jpki.model.suites import KeyFamily, SignatureSuite
from jpki.x509.keys import suite_fits

__all__ = ["TokenKey", "find_key", "find_objects", "make_key"]

_PRIVATE: Final = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.MODIFIABLE: False,
    Attribute.PRIVATE: True,
    Attribute.SIGN: True,
    Attribute.SIGN_RECOVER: False,
    Attribute.DECRYPT: False,
    Attribute.UNWRAP: False,
    Attribute.DERIVE: False,
}
_PUBLIC: Final = {
    Attribute.MODIFIABLE: False,
    Attribute.PRIVATE: False,
    Attribute.VERIFY: True,
    Attribute.VERIFY_RECOVER: False,
    Attribute.ENCRYPT: False,
    Attribute.WRAP: False,
    Attribute.DERIVE: False,
}


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A private key as one session sees it."""

    handle: Any
    suite: SignatureSuite
    public_key: bytes


def make_key(session: pkcs11.Session, suite: SignatureSuite, label: str) -> None:
    """Make a pair: sensitive, never extractable, for signing only.

    Raises:
        KeyProviderError: no mechanism for this suite.
    """
    options: dict[str, Any] = {
        # By which other programs, too, join the two halves of a pair.
        "id": hashlib.sha256(label.encode()).digest()[:16],
        "label": label,
        "store": True,
        "private_template": dict(_PRIVATE),
        "public_template": dict(_PUBLIC),
    }
    if suite.family is KeyFamily.RSA:
        session.generate_keypair(KeyType.RSA, int(suite.parameter), **options)
    elif suite.family is KeyFamily.EC:
        curve = object_identifier(str(suite.parameter))
        session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True
        ).generate_keypair(**options)
    else:
        raise KeyProviderError(
            f"no token here makes keys of suite {suite.id}",
            hint="keep keys of this suite in files",
        )


def find_objects(
    session: pkcs11.Session,
    kind: ObjectClass,
    label: str | None = None,
    id: bytes | None = None,
) -> list[Any]:
    wanted: dict[Attribute, object] = {Attribute.CLASS: kind}
    if label is not None:
        wanted[Attribute.LABEL] = label
    if id is not None:
        wanted[Attribute.ID] = id
    return list(session.get_objects(wanted))


def find_key(session: pkcs11.Session, uri: PKCS11URI) -> TokenKey:
    found = find_objects(session, ObjectClass.PRIVATE_KEY, uri.label, uri.id)
    if not found:
        raise KeyNotFound(f"no key at {uri}")
    if len(found) > 1:
        raise KeyProviderError(
            f"{len(found)} keys at {uri}", hint="name the key by its id as well"
        )
    (key,) = found
    if not key[Attribute.SENSITIVE] or key[Attribute.EXTRACTABLE]:
        raise KeyProviderError(
            f"the key at {uri} could be taken out of the token",
            hint="make a key on the token itself, with CKA_EXTRACTABLE false",
        )
    suite = suite_of_label(key[Attribute.LABEL])
    public_key = _public_key(session, key)
    if not suite_fits(public_key, suite):
        raise KeyProviderError(f"the key at {uri} is not of suite {suite.id}")
    return TokenKey(key, suite, public_key)


def _public_key(session: pkcs11.Session, key: Any) -> bytes:
    """From the private object itself where it knows, else from its other half."""
    if key.key_type == KeyType.RSA:
        return rsa_public_key(key[Attribute.MODULUS], key[Attribute.PUBLIC_EXPONENT])
    if key.key_type == KeyType.EC:
        halves = find_objects(session, ObjectClass.PUBLIC_KEY, id=key[Attribute.ID])
        if len(halves) == 1:
            (half,) = halves
            return ec_public_key(half[Attribute.EC_PARAMS], half[Attribute.EC_POINT])
    raise KeyProviderError(
        f"the token holds no public half of {key[Attribute.LABEL]!r}",
        hint="public and private key must have the same CKA_ID",
    )
