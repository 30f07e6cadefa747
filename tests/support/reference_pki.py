"""The PKI of an era as its profiles make it: two governors, the bridge, one resident.

Everything is made by the packaged profiles from fixed names, serial numbers and times;
only the keys are new in each test run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from typing import Final

from jpki import data
from jpki.keys.memory import generate_key
from jpki.keys.software import SoftwareSigner
from jpki.model.eras import Era
from jpki.model.names import Name
from jpki.model.residents import BasicInformation, Gender
from jpki.model.revocation import Revocation
from jpki.model.suites import Digest, suite
from jpki.x509.certificates import IssuerView, assemble, prepare_certificate
from jpki.x509.crls import prepare_crl
from jpki.x509.keys import key_identifier
from jpki.x509.ocsp import (
    CertID,
    Good,
    SingleResponse,
    Status,
    assemble_response,
    cert_id,
    prepare_response,
)
from jpki.x509.parse import Certificate, parse_certificate

FOUNDED: Final[Mapping[str, datetime]] = {
    "prefectural-sha1": datetime(2004, 1, 29, 1, 2, 3, tzinfo=UTC),
    "prefectural-sha256": datetime(2014, 10, 1, 1, 2, 3, tzinfo=UTC),
    "jlis": datetime(2015, 10, 20, 2, 40, 28, tzinfo=UTC),
    "next-gen": datetime(2028, 4, 1, 1, 2, 3, tzinfo=UTC),
    "post-quantum": datetime(2035, 4, 1, 1, 2, 3, tzinfo=UTC),
}
"""When the authorities of each era begin here."""

RESIDENT: Final = BasicInformation(
    name="髙橋　花子",
    address="東京都清瀬市中里五丁目８４２番地",
    date_of_birth=date(1980, 2, 17),
    gender=Gender.FEMALE,
)
VALUES: Final = {
    "prefecture": "Tokyo-to",
    "municipality": "Kiyose-shi",
    "opaque": "201410010102031322100001",
    "ocsp_url": "http://ocsp.jpki.example/",
}


@dataclass
class Authority:
    """One authority with its key and its self-signed certificate."""

    signer: SoftwareSigner
    view: IssuerView
    certificate: bytes = field(default=b"", repr=False)

    def sign(self, tbs: bytes) -> bytes:
        """The finished certificate or CRL."""
        return assemble(tbs, self.signer.suite, self.signer.sign(tbs))

    @property
    def parsed(self) -> Certificate:
        """The self-signed certificate."""
        return parse_certificate(self.certificate)


@dataclass
class ReferencePKI:
    """Everything of one era. `a` and `b` are authorities of two prefectures."""

    era: Era
    at: datetime
    a: Authority
    b: Authority
    bridge: Authority | None
    certificates: dict[str, bytes]
    """By what they are: `a`, `bridge`, `bridge-to-a`, `responder`, `signature`, …"""
    keys: dict[str, SoftwareSigner]

    def crl(
        self,
        issuer: Authority,
        *entries: Revocation,
        role: str = "crl",
        after: timedelta = timedelta(hours=1),
    ) -> bytes:
        """A signed CRL of this authority, an hour after founding unless told when."""
        prepared = prepare_crl(
            data.crl_profile(self.era.profiles[role]),
            issuer=issuer.view,
            number=7,
            this_update=self.at + after,
            entries=entries,
            values=VALUES,
        )
        return issuer.sign(prepared.tbs)

    def ocsp(
        self,
        status: Status | None = None,
        *,
        asked: CertID | None = None,
        nonce: bytes | None = None,
    ) -> bytes:
        """The responder's signed answer about the signature certificate."""
        at = self.at + timedelta(hours=1)
        issuer = self.a.parsed
        leaf = parse_certificate(self.certificates["signature"])
        identifier = asked or cert_id(
            issuer.subject_der, issuer.public_key, leaf.serial, Digest.SHA1
        )
        tbs = prepare_response(
            key_identifier(self.keys["responder"].public_key),
            at,
            [
                SingleResponse(
                    cert_id=identifier,
                    status=status or Good(),
                    this_update=at,
                    next_update=at + timedelta(minutes=15),
                )
            ],
            nonce,
        )
        key = self.keys["responder"]
        return assemble_response(
            tbs, key.suite, key.sign(tbs), [self.certificates["responder"]]
        )


def _authority(
    era: Era, role: str, names: tuple[Name, Name], serial: int, at: datetime
) -> Authority:
    signer = generate_key(suite(era.suites[role]))
    view = IssuerView(
        name=names[0],
        alternative_name=names[1],
        key_identifier=key_identifier(signer.public_key),
        certificate_issuer=names[0],
        certificate_serial=serial,
        suite=signer.suite,
    )
    authority = Authority(signer, view)
    prepared = prepare_certificate(
        data.certificate_profile(era.profiles[role]),
        issuer=view,
        values={},
        public_key=signer.public_key,
        serial=serial,
        not_before=at,
        subject=names[0],
        subject_alternative=names[1],
    )
    authority.certificate = authority.sign(prepared.tbs)
    return authority


@cache
def reference_pki(era_id: str) -> ReferencePKI:
    """The PKI of this era; one for the whole test run."""
    era = data.era(era_id)
    at = FOUNDED[era_id]
    topology = data.topology()
    if "bridge" in era.suites:
        first, second = (data.prefectures()[code] for code in ("13", "08"))
        names_a = (
            topology.governor_name(first),
            topology.governor_alternative_name(first),
        )
        names_b = (
            topology.governor_name(second),
            topology.governor_alternative_name(second),
        )
    else:
        names_a = topology.national_signature_names
        names_b = topology.national_authentication_names
    a = _authority(era, "authority", names_a, 1, at)
    b = _authority(era, "authority", names_b, 2, at)
    pki = ReferencePKI(
        era=era,
        at=at,
        a=a,
        b=b,
        bridge=None,
        certificates={"a": a.certificate, "b": b.certificate},
        keys={},
    )
    if "bridge" in era.suites:
        names = (topology.bridge_name, topology.bridge_alternative_name)
        pki.bridge = _authority(era, "bridge", names, 3, at)
        pki.certificates["bridge"] = pki.bridge.certificate
        _cross_certify(pki, pki.bridge)
    _link(pki)
    serials = count(1 << 64)
    for role in ("responder", "operator", "signature", "authentication"):
        if role in era.suites:
            _subject(pki, role, next(serials))
    return pki


def _cross_certify(pki: ReferencePKI, bridge: Authority) -> None:
    topology = data.topology()
    policies = (topology.governor_policy, topology.bridge_policy)
    pairs = {
        "bridge-to-a": (bridge, pki.a, "cross-governor", policies[::-1]),
        "bridge-to-b": (bridge, pki.b, "cross-governor", policies[::-1]),
        "a-to-bridge": (pki.a, bridge, "cross", policies),
        "b-to-bridge": (pki.b, bridge, "cross", policies),
    }
    for serial, (name, (issuer, subject, role, mapped)) in enumerate(pairs.items(), 10):
        prepared = prepare_certificate(
            data.certificate_profile(pki.era.profiles[role]),
            issuer=issuer.view,
            values=dict(zip(("issuer_policy", "subject_policy"), mapped, strict=True)),
            public_key=subject.signer.public_key,
            serial=serial,
            not_before=pki.at,
            not_after=issuer.parsed.not_after,
            subject=subject.view.name,
            subject_alternative=subject.view.alternative_name,
        )
        pki.certificates[name] = issuer.sign(prepared.tbs)


def _link(pki: ReferencePKI) -> None:
    """A second key of authority `a`, and the two certificates between its keys."""
    serial = 20
    new = _authority(
        pki.era,
        "authority",
        (pki.a.view.name, pki.a.view.alternative_name or pki.a.view.name),
        serial,
        pki.at + timedelta(days=365),
    )
    pki.certificates["a-2"] = new.certificate
    ends = pki.a.parsed.not_after
    pairs = {
        "a-new-with-old": (pki.a, new, new.parsed.not_before),
        "a-old-with-new": (new, pki.a, pki.a.parsed.not_before),
    }
    for number, (name, (issuer, subject, begins)) in enumerate(pairs.items(), 1):
        prepared = prepare_certificate(
            data.certificate_profile(pki.era.profiles["link"]),
            issuer=issuer.view,
            values={},
            public_key=subject.signer.public_key,
            serial=serial + number,
            not_before=begins,
            not_after=ends,
            subject=subject.view.name,
            subject_alternative=subject.view.alternative_name,
        )
        pki.certificates[name] = issuer.sign(prepared.tbs)


def _subject(pki: ReferencePKI, role: str, serial: int) -> None:
    issuer = pki.b if role == "authentication" else pki.a
    key = generate_key(suite(pki.era.suites[role]))
    prepared = prepare_certificate(
        data.certificate_profile(pki.era.profiles[role]),
        issuer=issuer.view,
        values={**VALUES, "operator": "counter-132217-1"},
        public_key=key.public_key,
        serial=serial,
        not_before=pki.at,
        basic=RESIDENT if role == "signature" else None,
    )
    pki.keys[role] = key
    pki.certificates[role] = issuer.sign(prepared.tbs)
