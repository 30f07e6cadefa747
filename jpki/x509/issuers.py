"""What an issuer is to the things it issues, and filling templates with its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jpki.der import oids
from jpki.der.frames import Frame
from jpki.errors import EncodingError, RuleViolation
from jpki.model.names import Attribute, Name
from jpki.model.profiles import (
    AttributeTemplate,
    AuthorityKeyIdentifierRule,
    NameTemplate,
    fill,
)
from jpki.model.suites import SignatureSuite
from jpki.x509 import extensions
from jpki.x509.general_names import DirectoryName

__all__ = [
    "MAX_ATTRIBUTE",
    "IssuerView",
    "assemble",
    "fill_attribute",
    "fill_name",
    "fill_text",
    "template_values",
]


MAX_ATTRIBUTE: Final = 64
"""ub-common-name, ub-organization-name, ub-organizational-unit-name (RFC 5280 A.1)."""

_SIGNED: Final = Frame((0x30, b""))
_BITS: Final = Frame((0x03, b"\x00"))
"""Around a signature: a BIT STRING of whole octets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuerView:
    """One key generation of an authority, as certificates and CRLs refer to it."""

    name: Name
    alternative_name: Name | None
    key_identifier: bytes
    certificate_issuer: Name
    """Who issued the certificate of this key; itself, for a self-signed one."""
    certificate_serial: int
    suite: SignatureSuite

    def __hash__(self) -> int:
        # Enough to tell keys apart, and quick: templates are found by it.
        return hash(self.key_identifier)


def template_values(issuer: IssuerView, values: Mapping[str, str]) -> Mapping[str, str]:
    """The caller's values and those that the issuer's name gives."""
    units = [
        attribute.value
        for rdn in issuer.name.rdns
        for attribute in rdn
        if attribute.oid == oids.ORGANIZATIONAL_UNIT
    ]
    return {
        **values,
        "issuer_organisation": issuer.name.first(oids.ORGANIZATION) or "",
        "issuer_unit": units[-1] if units else "",
    }


def fill_name(template: NameTemplate, values: Mapping[str, str]) -> Name:
    """The name that a template gives with these values.

    Raises:
        RuleViolation: a value is missing, or longer than X.520 allows.
    """
    return Name.of(*(fill_attribute(attribute, values) for attribute in template))


def fill_attribute(template: AttributeTemplate, values: Mapping[str, str]) -> Attribute:
    """One attribute, in the same way."""
    return Attribute(template.oid, fill_text(template, values), template.string_type)


def fill_text(template: AttributeTemplate, values: Mapping[str, str]) -> str:
    """The value of one attribute, in the same way."""
    text = fill(template.value, values)
    if len(text) > MAX_ATTRIBUTE:
        raise RuleViolation(
            "name.length", "RFC 5280 A.1, upper bounds", f"{text!r} is too long"
        )
    return text


def authority_key_identifier(
    rule: AuthorityKeyIdentifierRule, issuer: IssuerView
) -> bytes:
    """The extension's value for what this issuer signs."""
    if not rule.full:
        return extensions.authority_key_identifier(issuer.key_identifier)
    return extensions.authority_key_identifier(
        issuer.key_identifier,
        (DirectoryName(issuer.certificate_issuer),),
        issuer.certificate_serial,
    )


def assemble(tbs: bytes, suite: SignatureSuite, signature: bytes) -> bytes:
    """Join what was signed with its signature: certificates, CRLs, PKCS#10.

    Raises:
        EncodingError: there is no signature.
    """
    if not signature:
        raise EncodingError("the signature is empty")
    algorithm = suite.algorithm_identifier
    before = _BITS.head(len(signature))
    size = len(tbs) + len(algorithm) + len(before) + len(signature)
    return b"".join((_SIGNED.head(size), tbs, algorithm, before, signature))
