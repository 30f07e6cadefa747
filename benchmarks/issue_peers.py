"""The other programs of the issuing benchmark, given the same work."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final

import asn1crypto
import cryptography
from asn1crypto import core, keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)
from cryptography.x509.oid import NameOID

from benchmarks.issue_work import VALUES, Certified, Work
from jpki.der.writer import utf8_string
from jpki.model.suites import Digest
from jpki.x509.basic_information import date_of_birth_text

__all__ = ["Asn1cryptoPeer", "OpenSSLPeer", "PycaPeer"]

_ARC: Final = "1.2.392.200149.8.5.5"
_SAN: Final = "2.5.29.17"
_SKI: Final = "2.5.29.14"
_HASHES: Final[dict[Digest | None, hashes.HashAlgorithm]] = {
    Digest.SHA256: hashes.SHA256(),
    Digest.SHA384: hashes.SHA384(),
}


def _texts(resident: Certified) -> tuple[tuple[int, str], ...]:
    """The items as they stand in the certificate: arc and text."""
    basic = resident.basic
    return (
        (1, basic.name),
        (4, date_of_birth_text(basic.date_of_birth, japanese=True)),
        (3, basic.gender.value),
        (5, basic.address),
        (2, "0" * len(basic.name)),
        (6, "0" * len(basic.address)),
    )


class PycaPeer:
    """`CertificateBuilder`, with the extensions that never differ made beforehand."""

    name = f"cryptography {cryptography.__version__}"

    def __init__(self, work: Work) -> None:
        self._work = work
        self._sample = x509.load_der_x509_certificate(work.sample)
        self._extensions = list(self._sample.extensions)
        self._keys = [
            load_der_public_key(resident.public_key) for resident in work.residents
        ]

    def issue(self) -> None:
        """Certify every resident."""
        for resident, key in zip(self._work.residents, self._keys, strict=True):
            self._issue(resident, key)

    def _issue(self, resident: Certified, key: Any) -> bytes:
        sample, work = self._sample, self._work
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
                x509.NameAttribute(NameOID.LOCALITY_NAME, VALUES["prefecture"]),
                x509.NameAttribute(NameOID.LOCALITY_NAME, VALUES["municipality"]),
                x509.NameAttribute(NameOID.COMMON_NAME, resident.opaque),
            ]
        )
        builder = (
            x509.CertificateBuilder()
            .serial_number(resident.serial)
            .issuer_name(sample.issuer)
            .subject_name(subject)
            .not_valid_before(sample.not_valid_before_utc)
            .not_valid_after(sample.not_valid_after_utc)
            .public_key(key)
        )
        for extension in self._extensions:
            value = extension.value
            match extension.oid.dotted_string:
                case "2.5.29.17":
                    value = x509.SubjectAlternativeName(
                        [
                            x509.OtherName(
                                x509.ObjectIdentifier(f"{_ARC}.{arc}"),
                                utf8_string(text),
                            )
                            for arc, text in _texts(resident)
                        ]
                    )
                case "2.5.29.14":
                    value = x509.SubjectKeyIdentifier.from_public_key(key)
            builder = builder.add_extension(value, extension.critical)
        digest: Any = _HASHES[work.suite.digest]
        signing_key: Any = work.private_key
        deterministic = None if isinstance(signing_key, rsa.RSAPrivateKey) else True
        certificate = builder.sign(
            signing_key, digest, ecdsa_deterministic=deterministic
        )
        return certificate.public_bytes(Encoding.DER)


class Asn1cryptoPeer:
    """asn1crypto's objects, signed by our signer."""

    name = f"asn1crypto {asn1crypto.__version__}"

    def __init__(self, work: Work) -> None:
        self._work = work
        self._sample = asn1.Certificate.load(work.sample)["tbs_certificate"]

    def issue(self) -> None:
        """Certify every resident."""
        for resident in self._work.residents:
            self._issue(resident)

    def _issue(self, resident: Certified) -> bytes:
        sample = self._sample
        key = keys.PublicKeyInfo.load(resident.public_key)
        extensions = []
        for extension in sample["extensions"]:
            oid = extension["extn_id"].dotted
            value: Any = extension["extn_value"].parsed
            if oid == _SAN:
                value = [
                    asn1.GeneralName(
                        "other_name",
                        {
                            "type_id": f"{_ARC}.{arc}",
                            "value": core.UTF8String(text, explicit=0),
                        },
                    )
                    for arc, text in _texts(resident)
                ]
            elif oid == _SKI:
                value = key.sha1
            extensions.append(
                {
                    "extn_id": oid,
                    "critical": extension["critical"].native,
                    "extn_value": value,
                }
            )
        tbs = asn1.TbsCertificate(
            {
                "version": "v3",
                "serial_number": resident.serial,
                "signature": sample["signature"],
                "issuer": sample["issuer"],
                "validity": sample["validity"],
                "subject": asn1.Name.build(
                    {
                        "country_name": "JP",
                        "state_or_province_name": VALUES["prefecture"],
                        "locality_name": VALUES["municipality"],
                        "common_name": resident.opaque,
                    }
                ),
                "subject_public_key_info": key,
                "extensions": extensions,
            }
        )
        signature = self._work.signer.sign(tbs.dump())
        certificate = asn1.Certificate(
            {
                "tbs_certificate": tbs,
                "signature_algorithm": sample["signature"],
                "signature_value": signature,
            }
        )
        dumped: bytes = certificate.dump()
        return dumped


_CONFIGURATION: Final = """\
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
new_certs_dir = .
certificate = authority.pem
private_key = authority.key
default_md = {digest}
default_days = 1095
policy = any
x509_extensions = signature
unique_subject = no
preserve = yes
[any]
countryName = supplied
localityName = supplied
commonName = supplied
[signature]
keyUsage = critical,digitalSignature,nonRepudiation
certificatePolicies = critical,@policy
subjectAltName = @items
issuerAltName = dirName:authority_name
crlDistributionPoints = point
authorityInfoAccess = OCSP;URI:{ocsp_url}
authorityKeyIdentifier = keyid
subjectKeyIdentifier = hash
[policy]
policyIdentifier = 1.2.392.200149.8.5.1.0.20
CPS.1 = "http://www.jpki.example/cps.html"
[items]
{items}
[authority_name]
C = JP
O = 公的個人認証サービス
OU = 東京都知事
[point]
fullname = dirName:point_name
[point_name]
C = JP
O = JPKI Reference Test
1.OU = JPKI for digital signature
2.OU = CRL Distribution Points
3.OU = Tokyo-to
CN = Kiyose-shi CRLDP
"""


class OpenSSLPeer:
    """`openssl ca -batch` over as many requests, in one process."""

    def __init__(self, work: Work, folder: Path) -> None:
        self._folder = folder
        self.name = " ".join(_openssl("version", folder=folder).split()[:2]) + " ca"
        items = "\n".join(
            f"otherName.{place} = {_ARC}.{arc};UTF8:{text}"
            for place, (arc, text) in enumerate(_texts(work.residents[0]))
        )
        assert work.suite.digest is not None
        configuration = _CONFIGURATION.format(
            digest=work.suite.digest.value, items=items, ocsp_url=VALUES["ocsp_url"]
        )
        (folder / "ca.cnf").write_text(f"utf8 = yes\n{configuration}", "utf-8")
        authority = x509.load_der_x509_certificate(work.authority())
        (folder / "authority.pem").write_bytes(authority.public_bytes(Encoding.PEM))
        key = work.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        (folder / "authority.key").write_bytes(key)
        (folder / "serial").write_text("4000000000000000\n")
        self._requests = []
        for number, resident in enumerate(work.residents):
            path = folder / f"{number}.csr"
            path.write_bytes(_request(resident, number))
            self._requests.append(path.name)

    def issue(self) -> None:
        """Certify every request."""
        (self._folder / "index.txt").write_text("")
        _openssl(
            *("ca", "-batch", "-notext", "-utf8", "-config", "ca.cnf"),
            *("-out", "issued.pem", "-infiles", *self._requests),
            folder=self._folder,
        )


def _openssl(*arguments: str, folder: Path) -> str:
    program = shutil.which("openssl")
    if program is None:
        raise FileNotFoundError("openssl is not installed: apt-get install openssl")
    done = subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr[-500:]}")
    return done.stdout


@cache
def _card_key(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _request(resident: Certified, number: int) -> bytes:
    """A request under one of a few keys: openssl checks its signature."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.LOCALITY_NAME, VALUES["municipality"]),
            x509.NameAttribute(NameOID.COMMON_NAME, resident.opaque),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    request = builder.sign(_card_key(number % 8), hashes.SHA256())
    return request.public_bytes(Encoding.PEM)
