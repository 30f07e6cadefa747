"""PKIs drawn by chance: what every kind of them is made from.

A `Case` is one question of path validation with everything at hand. Kinds of cases are
drawn in `tests.support.chance_chains`, `chance_names`, `chance_lists` and
`chance_meshes`, each about one part of RFC 5280, so that a flaw in one part does not
hide what happens in another.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jpki.der import oids
from jpki.der.writer import octet_string, sequence, tlv
from jpki.keys.software import SoftwareSigner
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Name
from jpki.x509.extensions import basic_constraints, extension, key_usage
from jpki.x509.keys import key_identifier
from tests.support.pki import NOW, T0, T1, certificate_der, key, name

__all__ = ["Case", "Chance", "Holder", "authority", "usages"]

SIGNS: Final = (KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One question. Octet strings are DER."""

    kind: str
    anchors: tuple[bytes, ...]
    middle: tuple[bytes, ...]
    """Of a chain, from the anchor down."""
    aside: tuple[bytes, ...] = ()
    """Certificates that are at hand and stand in no chain: who signs lists."""
    end: bytes
    at: datetime = NOW
    crls: tuple[bytes, ...] = ()
    revocation: str = "none"
    use_deltas: bool = False
    policies: tuple[str, ...] = (oids.ANY_POLICY,)
    explicit: bool = False
    inhibit_mapping: bool = False
    inhibit_any: bool = False
    purpose: str | None = None
    name: tuple[str, str] | None = None
    """`dns`, `email` or `ip`, and the value."""
    notes: frozenset[str] = frozenset()
    """What is odd about it, for the list of known differences."""

    def job(self) -> dict[str, Any]:
        """As a line of `jpki verify path --batch`, before it is JSON."""
        return {
            "id": self.kind,
            "trust_anchors": list(map(_text, self.anchors)),
            "intermediates": list(map(_text, self.middle + self.aside)),
            "end_entity": _text(self.end),
            "crls": list(map(_text, self.crls)),
            "at": self.at.isoformat(),
            "revocation": self.revocation,
            "use_deltas": self.use_deltas,
            "initial_policies": list(self.policies),
            "require_explicit_policy": self.explicit,
            "inhibit_policy_mapping": self.inhibit_mapping,
            "inhibit_any_policy": self.inhibit_any,
            "purpose": self.purpose,
            "name": None if self.name is None else dict([self.name]),
            "algorithms": "any",
        }


def _text(der: bytes) -> str:
    return base64.b64encode(der).decode("ascii")


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Somebody with a name, a key and a certificate."""

    name: Name
    key: SoftwareSigner
    der: bytes
    serial: int


class Chance:
    """Draws everything from one seed; keys are those of `tests.support.pki`."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.notes: set[str] = set()
        self._serial = 0

    def rarely(self, share: float = 0.05, note: str | None = None) -> bool:
        """Whether something that seldom happens happens now."""
        happens = self.random.random() < share
        if happens and note is not None:
            self.notes.add(note)
        return happens

    def serial(self) -> int:
        """A serial number that this source of chance has not used."""
        self._serial += 1
        return self._serial

    def certify(
        self,
        issuer: Holder | None,
        subject: Name,
        label: str,
        extensions: Sequence[bytes] = (),
        *,
        identifiers: bool = True,
        signer: SoftwareSigner | None = None,
        issuer_name: Name | None = None,
        not_before: datetime = T0,
        not_after: datetime = T1,
        version: int | None = None,
        serial: int | None = None,
    ) -> Holder:
        """A certificate for the key of this label; without an issuer self-signed."""
        own = key(label)
        by = signer or (own if issuer is None else issuer.key)
        found = list(extensions)
        if identifiers:
            above = own if issuer is None else issuer.key
            found += _identifiers(own.public_key, above.public_key)
            self.random.shuffle(found)
        number = self.serial() if serial is None else serial
        der = certificate_der(
            subject,
            own.public_key,
            issuer_name or (subject if issuer is None else issuer.name),
            by,
            found,
            serial=number,
            not_before=not_before,
            not_after=not_after,
            version=version,
        )
        return Holder(name=subject, key=own, der=der, serial=number)

    def root(self, label: str = "chance root", *more: bytes) -> Holder:
        """A self-signed authority without flaws."""
        return self.certify(None, name(label), label, [*authority(), *more])


def _identifiers(own: bytes, above: bytes) -> list[bytes]:
    """subjectKeyIdentifier and authorityKeyIdentifier: some go by these alone."""
    mine, issuing = key_identifier(own), key_identifier(above)
    return [
        extension(oids.SUBJECT_KEY_IDENTIFIER, False, octet_string(mine)),
        extension(oids.AUTHORITY_KEY_IDENTIFIER, False, sequence(tlv(0x80, issuing))),
    ]


def authority(length: int | None = None) -> list[bytes]:
    """What makes an authority."""
    return [
        extension(oids.BASIC_CONSTRAINTS, True, basic_constraints(True, length)),
        usages(SIGNS),
    ]


def usages(bits: Sequence[KeyUsage]) -> bytes:
    """keyUsage, critical."""
    return extension(oids.KEY_USAGE, True, key_usage(list(bits)))
