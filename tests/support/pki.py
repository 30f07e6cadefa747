"""A PKI for tests of verification: any certificate, CRL or mesh, right or wrong.

Profiles and rules make only good certificates; here every field can be chosen. Keys are
P-256, made once for each label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Final

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.times import generalized_time, time_choice
from jpki.der.writer import (
    bit_string,
    enumerated,
    explicit,
    integer,
    named_bits,
    octet_string,
    sequence,
    tlv,
)
from jpki.keys.memory import generate_key
from jpki.keys.software import SoftwareSigner
from jpki.model.names import Attribute, Name, StringType
from jpki.model.profiles import KeyUsage
from jpki.model.suites import Digest, suite
from jpki.verify.anchors import TrustAnchor
from jpki.x509.extensions import (
    basic_constraints,
    certificate_policies,
    extension,
    key_usage,
)
from jpki.x509.general_names import (
    DirectoryName,
    GeneralName,
    encode_general_name,
    encode_general_names,
)
from jpki.x509.keys import key_identifier
from jpki.x509.names import encode_name
from jpki.x509.ocsp import (
    SingleResponse,
    Status,
    assemble_response,
    cert_id,
    prepare_response,
)
from jpki.x509.parse import Certificate, parse_certificate

T0: Final = datetime(2014, 4, 1, tzinfo=UTC)
"""The day on which everything begins to be valid."""
NOW: Final = T0 + timedelta(days=30)
T1: Final = T0 + timedelta(days=3 * 365)
"""The day on which everything expires."""
POLICY: Final = "1.2.392.200149.8.5.1.1.0"

_serials = count(1000)


@lru_cache(maxsize=64)
def key(label: str) -> SoftwareSigner:
    """The key of this label: the same one in the whole test run."""
    return generate_key(suite("p256-sha256"))


def name(common_name: str) -> Name:
    """C=JP, O=JPKI Reference Test, CN=…"""
    return Name.of(
        Attribute(oids.COUNTRY, "JP", StringType.PRINTABLE),
        Attribute(oids.ORGANIZATION, "JPKI Reference Test"),
        Attribute(oids.COMMON_NAME, common_name),
    )


CA_EXTENSIONS: Final = (
    extension(oids.BASIC_CONSTRAINTS, True, basic_constraints(True, None)),
    extension(
        oids.KEY_USAGE,
        True,
        key_usage([KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN]),
    ),
)
POLICIES: Final = extension(
    oids.CERTIFICATE_POLICIES, False, certificate_policies([(POLICY, None)])
)
USER_EXTENSIONS: Final = (
    extension(
        oids.KEY_USAGE,
        True,
        key_usage([KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION]),
    ),
    POLICIES,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """Somebody with a name, a key and perhaps a certificate."""

    name: Name
    key: SoftwareSigner
    certificate: Certificate

    @property
    def anchor(self) -> TrustAnchor:
        """As an anchor with the constraints of its certificate."""
        return TrustAnchor.of(self.certificate)


def signed(tbs: bytes, signer: SoftwareSigner) -> bytes:
    """A SIGNED structure of X.509."""
    algorithm = signer.suite.algorithm_identifier
    return sequence(tbs, algorithm, bit_string(signer.sign(tbs)))


def certificate_der(
    subject: Name,
    public_key: bytes,
    issuer: Name,
    signer: SoftwareSigner,
    extensions: Sequence[bytes] = (),
    *,
    serial: int | None = None,
    not_before: datetime = T0,
    not_after: datetime = T1,
    version: int | None = None,
) -> bytes:
    """One certificate, whatever the fields; by default of the version they need."""
    number = (3 if extensions else 1) if version is None else version
    tbs = sequence(
        *(() if number == 1 else (explicit(0, integer(number - 1)),)),
        integer(next(_serials) if serial is None else serial),
        signer.suite.algorithm_identifier,
        encode_name(issuer),
        sequence(time_choice(not_before), time_choice(not_after)),
        encode_name(subject),
        public_key,
        *((explicit(3, sequence(*extensions)),) if extensions else ()),
    )
    return signed(tbs, signer)


def certificate(
    subject: Name,
    public_key: bytes,
    issuer: Name,
    signer: SoftwareSigner,
    extensions: Sequence[bytes] = (),
    *,
    serial: int | None = None,
    not_before: datetime = T0,
    not_after: datetime = T1,
) -> Certificate:
    """The same, read."""
    der = certificate_der(
        subject,
        public_key,
        issuer,
        signer,
        extensions,
        serial=serial,
        not_before=not_before,
        not_after=not_after,
    )
    return parse_certificate(der)


def root(
    label: str,
    extensions: Sequence[bytes] = CA_EXTENSIONS,
    *,
    called: str | None = None,
) -> Party:
    """A self-signed authority; `called` gives another key the same name."""
    subject = name(called or label)
    own = key(label)
    return Party(
        name=subject,
        key=own,
        certificate=certificate(subject, own.public_key, subject, own, extensions),
    )


def issue(
    issuer: Party,
    label: str,
    extensions: Sequence[bytes] = CA_EXTENSIONS,
    *,
    called: str | None = None,
    serial: int | None = None,
    not_before: datetime = T0,
    not_after: datetime = T1,
) -> Party:
    """Someone certified by `issuer`."""
    subject = name(called or label)
    own = key(label)
    return Party(
        name=subject,
        key=own,
        certificate=certificate(
            subject,
            own.public_key,
            issuer.name,
            issuer.key,
            extensions,
            serial=serial,
            not_before=not_before,
            not_after=not_after,
        ),
    )


def user(issuer: Party, label: str = "user", *more: bytes) -> Party:
    """A subscriber whose certificate asserts `POLICY`."""
    return issue(issuer, label, (*USER_EXTENSIONS, *more))


def entry(
    serial: int,
    *,
    at: datetime = T0,
    reason: int | None = None,
    issuer: Name | None = None,
    extensions: Sequence[bytes] = (),
) -> bytes:
    """One entry of a CRL."""
    own = list(extensions)
    if reason is not None:
        own.append(extension(oids.REASON_CODE, False, enumerated(reason)))
    if issuer is not None:
        value = encode_general_names(DirectoryName(issuer))
        own.append(extension(oids.CERTIFICATE_ISSUER, True, value))
    return sequence(
        integer(serial), time_choice(at), *((sequence(*own),) if own else ())
    )


def crl(
    issuer: Party,
    entries: Sequence[bytes] = (),
    *,
    number: int = 1,
    this_update: datetime = NOW - timedelta(hours=1),
    next_update: datetime | None = NOW + timedelta(days=1),
    extensions: Sequence[bytes] = (),
    signer: SoftwareSigner | None = None,
) -> bytes:
    """One CRL in the name of `issuer`."""
    by = issuer.key if signer is None else signer
    identifier = sequence(tlv(0x80, key_identifier(by.public_key)))
    tbs = sequence(
        integer(1),
        by.suite.algorithm_identifier,
        encode_name(issuer.name),
        time_choice(this_update),
        *(() if next_update is None else (time_choice(next_update),)),
        *((sequence(*entries),) if entries else ()),
        explicit(
            0,
            sequence(
                extension(oids.AUTHORITY_KEY_IDENTIFIER, False, identifier),
                extension(oids.CRL_NUMBER, False, integer(number)),
                *extensions,
            ),
        ),
    )
    return signed(tbs, by)


def issuing_point(
    *names: GeneralName,
    only: str | None = None,
    reasons: Sequence[int] = (),
    indirect: bool = False,
) -> bytes:
    """issuingDistributionPoint, critical; `only` is `users` or `authorities`."""
    true = b"\xff"
    fields = []
    if names:
        full = tlv(0xA0, b"".join(map(encode_general_name, names)))
        fields.append(tlv(0xA0, full))
    if only is not None:
        fields.append(tlv({"users": 0x81, "authorities": 0x82}[only], true))
    if reasons:
        fields.append(tlv(0x83, named_bits(reasons)[2:]))
    if indirect:
        fields.append(tlv(0x84, true))
    return extension(oids.ISSUING_DISTRIBUTION_POINT, True, sequence(*fields))


def distribution_point(
    *names: GeneralName, issuer: Name | None = None, reasons: Sequence[int] = ()
) -> bytes:
    """cRLDistributionPoints with one point."""
    fields = []
    if names:
        full = tlv(0xA0, b"".join(map(encode_general_name, names)))
        fields.append(tlv(0xA0, full))
    if reasons:
        fields.append(tlv(0x81, named_bits(reasons)[2:]))
    if issuer is not None:
        fields.append(tlv(0xA2, encode_general_name(DirectoryName(issuer))))
    return extension(oids.CRL_DISTRIBUTION_POINTS, False, sequence(sequence(*fields)))


def delta_indicator(base: int) -> bytes:
    """deltaCRLIndicator, critical."""
    return extension(oids.DELTA_CRL_INDICATOR, True, integer(base))


def invalidity(at: datetime) -> bytes:
    """invalidityDate of an entry."""
    return extension(oids.INVALIDITY_DATE, False, generalized_time(at))


def alternative_names(*names: GeneralName) -> bytes:
    """subjectAltName."""
    return extension(oids.SUBJECT_ALT_NAME, False, encode_general_names(*names))


def name_constraints(
    permitted: Sequence[GeneralName] = (), excluded: Sequence[GeneralName] = ()
) -> bytes:
    """nameConstraints, critical."""
    parts = [
        tlv(tag, b"".join(sequence(encode_general_name(base)) for base in bases))
        for tag, bases in ((0xA0, permitted), (0xA1, excluded))
        if bases
    ]
    return extension(oids.NAME_CONSTRAINTS, True, sequence(*parts))


def unknown_extension(*, critical: bool) -> bytes:
    """An extension that nothing understands."""
    return extension("1.2.392.200149.8.5.99", critical, octet_string(b"?"))


def _parts(value: bytes) -> list[bytes]:
    fields = read_one(value).enter()
    found = []
    while fields:
        found.append(fields.next().raw)
    return found


def ocsp(
    about: Party,
    issuer: Party,
    status: Status,
    *,
    responder: Party | None = None,
    this_update: datetime = NOW - timedelta(minutes=5),
    next_update: datetime | None = NOW + timedelta(minutes=10),
    digest: Digest = Digest.SHA256,
    enclosed: Sequence[Party] | None = None,
    signer: SoftwareSigner | None = None,
    by_name: bool = False,
) -> bytes:
    """An OCSP response about `about`; by its issuer, or by an enclosed responder."""
    by = responder or issuer
    own = by.key if signer is None else signer
    identifier = cert_id(
        encode_name(issuer.name),
        issuer.key.public_key,
        about.certificate.serial,
        digest,
    )
    tbs = prepare_response(
        responder_key_hash=key_identifier(by.key.public_key),
        produced_at=this_update,
        responses=[
            SingleResponse(
                cert_id=identifier,
                status=status,
                this_update=this_update,
                next_update=next_update,
            )
        ],
    )
    if by_name:
        named = explicit(1, encode_name(by.name))
        tbs = sequence(named, *_parts(tbs)[1:])
    parties = enclosed if enclosed is not None else [responder] if responder else []
    certificates = [party.certificate.raw for party in parties]
    return assemble_response(tbs, own.suite, own.sign(tbs), certificates)
