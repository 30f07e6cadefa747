"""Certificates from bytes (RFC 5280 section 4.1): strict, lazy, judged by nobody yet.

Parsing says what a certificate states, not whether to believe it. The frame is checked
at once, each extension when it is first asked for. Only `EncodingError` escapes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypedDict

from jpki.der import oids
from jpki.der.reader import Element, Reader, read_one
from jpki.der.times import read_time
from jpki.errors import EncodingError
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Name
from jpki.x509 import extension_values as values
from jpki.x509 import policy_values
from jpki.x509.basic_information import CertifiedAttributes, read_certified_items
from jpki.x509.certificate_lists import CertificateList, parse_crl
from jpki.x509.extension_values import Extension
from jpki.x509.general_names import GeneralName, URIName
from jpki.x509.names import parse_name
from jpki.x509.once import once
from jpki.x509.quick_reading import QuickCertificate, quick_certificate
from jpki.x509.reading import remembered

__all__ = [
    "MAX_CERTIFICATE",
    "Certificate",
    "CertificateList",
    "TBSCertificate",
    "parse_certificate",
    "parse_crl",
    "parse_tbs_certificate",
]

MAX_CERTIFICATE: Final = 65_536
"""Octets. An ML-DSA-87 certificate has 7,400; bounds what one can cost."""

_issuer_name = remembered(parse_name)
_issuer_alternative_name = remembered(values.read_general_names_value)
_NO_EXTENSIONS: Final[Mapping[str, Extension]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class TBSCertificate:
    """What an authority signs. Compared by its bytes."""

    tbs: bytes = field(repr=False)
    version: int = field(compare=False)
    """1, 2 or 3."""
    serial: int = field(compare=False)
    signature_algorithm: bytes = field(compare=False, repr=False)
    """AlgorithmIdentifier, DER."""
    issuer: Name = field(compare=False)
    issuer_der: bytes = field(compare=False, repr=False)
    not_before: datetime = field(compare=False)
    not_after: datetime = field(compare=False)
    subject_der: bytes = field(compare=False, repr=False)
    public_key: bytes = field(compare=False, repr=False)
    """SubjectPublicKeyInfo, DER."""
    extensions: Mapping[str, Extension] = field(compare=False, repr=False)

    @once
    def subject(self) -> Name:
        """Whom it certifies; parsing found that it can be read."""
        return parse_name(self.subject_der)

    def extension(self, oid: str) -> bytes | None:
        """The value of this extension, or None."""
        found = self.extensions.get(oid)
        return None if found is None else found.value

    @property
    def self_issued(self) -> bool:
        """Whether issuer and subject are the same name, byte for byte."""
        return self.issuer_der == self.subject_der

    @property
    def key_usage(self) -> frozenset[KeyUsage] | None:
        """The purposes the key is for, or None if the certificate does not say."""
        value = self.extension(oids.KEY_USAGE)
        return None if value is None else values.read_key_usage(value)

    @once
    def extended_key_usage(self) -> frozenset[str] | None:
        """Identifiers of purposes."""
        value = self.extension(oids.EXTENDED_KEY_USAGE)
        return None if value is None else values.read_extended_key_usage(value)

    @once
    def basic_constraints(self) -> values.BasicConstraints | None:
        """Whether the subject is an authority."""
        value = self.extension(oids.BASIC_CONSTRAINTS)
        return None if value is None else values.read_basic_constraints(value)

    @once
    def policies(self) -> tuple[policy_values.PolicyInformation, ...] | None:
        """Certificate policies with their qualifiers."""
        value = self.extension(oids.CERTIFICATE_POLICIES)
        return None if value is None else policy_values.read_certificate_policies(value)

    @once
    def policy_mappings(self) -> tuple[policy_values.PolicyMapping, ...]:
        """Pairs of equivalent policies."""
        value = self.extension(oids.POLICY_MAPPINGS)
        return () if value is None else policy_values.read_policy_mappings(value)

    @once
    def policy_constraints(self) -> policy_values.PolicyConstraints | None:
        """Demands on the policies of the rest of the path."""
        value = self.extension(oids.POLICY_CONSTRAINTS)
        return None if value is None else policy_values.read_policy_constraints(value)

    @once
    def inhibit_any_policy(self) -> int | None:
        """After how many certificates anyPolicy stops to match."""
        value = self.extension(oids.INHIBIT_ANY_POLICY)
        return None if value is None else policy_values.read_inhibit_any_policy(value)

    @once
    def name_constraints(self) -> values.NameConstraints | None:
        """Names that the rest of the path may or may not use."""
        value = self.extension(oids.NAME_CONSTRAINTS)
        return None if value is None else values.read_name_constraints(value)

    @once
    def subject_key_identifier(self) -> bytes | None:
        """The name of the subject's key."""
        value = self.extension(oids.SUBJECT_KEY_IDENTIFIER)
        return None if value is None else values.read_subject_key_identifier(value)

    @once
    def authority_key_identifier(self) -> values.AuthorityKeyIdentifier | None:
        """Which key of the issuer signed."""
        value = self.extension(oids.AUTHORITY_KEY_IDENTIFIER)
        return None if value is None else values.read_authority_key_identifier(value)

    @once
    def crl_distribution_points(self) -> tuple[values.DistributionPoint, ...]:
        """Where CRLs for this certificate are found."""
        value = self.extension(oids.CRL_DISTRIBUTION_POINTS)
        return () if value is None else values.read_crl_distribution_points(value)

    @once
    def ocsp_urls(self) -> tuple[str, ...]:
        """Addresses of OCSP responders."""
        value = self.extension(oids.AUTHORITY_INFO_ACCESS)
        if value is None:
            return ()
        return tuple(
            access.location.value
            for access in values.read_access_descriptions(value)
            if access.method == oids.AD_OCSP and isinstance(access.location, URIName)
        )

    @once
    def subject_alternative_name(self) -> tuple[GeneralName, ...]:
        """Further names of the subject."""
        value = self.extension(oids.SUBJECT_ALT_NAME)
        return () if value is None else values.read_general_names_value(value)

    @once
    def issuer_alternative_name(self) -> tuple[GeneralName, ...]:
        """Further names of the issuer."""
        value = self.extension(oids.ISSUER_ALT_NAME)
        return () if value is None else _issuer_alternative_name(value)

    @once
    def basic_attributes(self) -> CertifiedAttributes | None:
        """The subject's four items, in a signature certificate."""
        value = self.extension(oids.SUBJECT_ALT_NAME)
        return None if value is None else read_certified_items(value)


@dataclass(frozen=True, kw_only=True)
class Certificate(TBSCertificate):
    """A whole certificate; its signature is not checked."""

    raw: bytes = field(repr=False)
    signature: bytes = field(compare=False, repr=False)
    likeness: tuple[bytes, ...] | None = field(default=None, compare=False, repr=False)
    """What it has in common with others of its issuer, where that was found out."""

    @once
    def digest(self) -> bytes:
        """SHA-256 of the certificate."""
        return hashlib.sha256(self.raw).digest()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hexadecimal."""
        return self.digest.hex()


def parse_certificate(data: bytes) -> Certificate:
    """Parse one DER certificate.

    Raises:
        EncodingError: not a certificate, or not DER, or one algorithm outside the
            signature and another inside (4.1.1.2).
    """
    if len(data) > MAX_CERTIFICATE:
        raise EncodingError(f"a certificate of {len(data)} octets")
    raw = bytes(data)
    quick = quick_certificate(raw)
    if quick is not None:
        return _made(raw, quick)
    return _read_in_full(raw)


def _read_in_full(raw: bytes) -> Certificate:
    fields = read_one(raw, 0x30).enter()
    tbs = _read_tbs(fields.next(0x30))
    algorithm = fields.next(0x30).raw
    signature = fields.next().bit_octets()
    fields.finish()
    if algorithm != tbs["signature_algorithm"]:
        raise EncodingError("two different signature algorithms in one certificate")
    return Certificate(raw=raw, signature=signature, **tbs)


def _made(raw: bytes, quick: QuickCertificate) -> Certificate:
    # A frozen dataclass sets each field by itself, which takes as long as reading it.
    certificate = object.__new__(Certificate)
    fields = certificate.__dict__
    fields.update(quick)
    fields["raw"] = raw
    fields["version"] = 3
    fields["issuer"] = _issuer_name(quick["issuer_der"])
    return certificate


def parse_tbs_certificate(data: bytes) -> TBSCertificate:
    """Parse what is to be signed, before there is a signature.

    Raises:
        EncodingError: not a TBSCertificate.
    """
    return TBSCertificate(**_read_tbs(read_one(data, 0x30)))


class _Fields(TypedDict):
    tbs: bytes
    version: int
    serial: int
    signature_algorithm: bytes
    issuer: Name
    issuer_der: bytes
    not_before: datetime
    not_after: datetime
    subject_der: bytes
    public_key: bytes
    extensions: Mapping[str, Extension]


def _read_tbs(element: Element) -> _Fields:
    fields = element.enter()
    version = _read_version(fields)
    serial = fields.next().integer()
    algorithm = fields.next(0x30).raw
    issuer = fields.next(0x30)
    validity = fields.next(0x30).enter()
    not_before = read_time(validity.next())
    not_after = read_time(validity.next())
    validity.finish()
    subject = fields.next(0x30)
    public_key = fields.next(0x30).raw
    unique = [fields.optional(0x81), fields.optional(0x82)]
    if any(unique) and version < 2:
        raise EncodingError("unique identifier in a version 1 certificate")
    wrapped = fields.optional(0xA3)
    if wrapped is not None and version < 3:
        raise EncodingError(f"extensions in a version {version} certificate")
    fields.finish()
    parse_name(subject.raw)
    return {
        "tbs": element.raw,
        "version": version,
        "serial": serial,
        "signature_algorithm": algorithm,
        "issuer": _issuer_name(issuer.raw),
        "issuer_der": issuer.raw,
        "not_before": not_before,
        "not_after": not_after,
        "subject_der": subject.raw,
        "public_key": public_key,
        "extensions": _NO_EXTENSIONS
        if wrapped is None
        else values.read_extensions(wrapped.inside()),
    }


def _read_version(fields: Reader) -> int:
    wrapped = fields.optional(0xA0)
    if wrapped is None:
        return 1
    version = wrapped.inside().integer()
    if version not in (1, 2):
        raise EncodingError("certificate version is not 2 or 3", offset=wrapped.start)
    return version + 1
