"""Other people's programs judge our long-term signatures, and we judge theirs."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest
from asn1crypto import algos, cms, core, keys
from asn1crypto.x509 import Certificate
from pyhanko.sign import signers
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko.sign.validation import async_validate_detached_cms
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from jpki.der import oids
from jpki.documents.cades_levels import (
    add_archive_timestamp,
    add_timestamp,
    add_validation_data,
    signature_value,
)
from jpki.documents.cms import sign_detached, sign_enveloping
from jpki.documents.cms_check import check_cms
from jpki.documents.signed_data import parse_signed_data
from jpki.errors import DocumentError, EncodingError
from jpki.x509.pem import ders, pem
from tests.support.long_term import token_over
from tests.support.openssl_cms import openssl_signed
from tests.support.reference_pki import ReferencePKI, reference_pki
from tests.support.time_authority import TimeAuthority, time_authority
from tests.support.verification import moment, signed

CONTENT_OF_OPENSSL = "転居届\r\n".encode()
"""What `openssl_signed` signs."""
CONTENT = "電子申請\r\n".encode()
LEVELS = ("b", "t", "lt", "lta")
_ATTRIBUTES = [oids.SIGNATURE_TIMESTAMP, oids.ARCHIVE_TIMESTAMP_V3]


def _pki() -> ReferencePKI:
    return reference_pki("jlis")


def _tsa() -> TimeAuthority:
    return time_authority(_pki().at.replace(hour=0, minute=0, second=0))


@cache
def _at_level(level: str, *, enveloping: bool = False) -> bytes:
    pki, at = _pki(), moment(_pki())
    make = sign_enveloping if enveloping else sign_detached
    own, key = pki.certificates["signature"], pki.keys["signature"]
    made = make(CONTENT, own, key, at, [pki.a.certificate])
    steps = LEVELS.index(level)
    if steps >= 1:
        made = add_timestamp(made, token_over(signature_value(made), _tsa(), at))
    if steps >= 2:
        lists = [pki.crl(pki.a), _tsa().crl(at)]
        made = add_validation_data(made, [_tsa().root], lists, [pki.ocsp()])
    if steps >= 3:
        made = add_archive_timestamp(
            made,
            lambda covered: token_over(covered, _tsa(), at + timedelta(seconds=9)),
            None if enveloping else CONTENT,
        )
    return made


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("enveloping", [False, True])
def test_openssl_accepts_every_level(
    tmp_path: Path, level: str, enveloping: bool
) -> None:
    """`openssl cms -verify -cades`, and it notices a changed content."""
    (tmp_path / "signed.der").write_bytes(_at_level(level, enveloping=enveloping))
    trusted = pem(_pki().certificates["signature"], "CERTIFICATE")
    (tmp_path / "trusted.pem").write_bytes(trusted)
    command = ["openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER"]
    command += ["-in", "signed.der", "-out", "verified", "-CAfile", "trusted.pem"]
    command += ["-partial_chain", "-purpose", "any", "-no_check_time"]
    if not enveloping:
        command += ["-content", "content"]
    for content, good in ((CONTENT, True), (CONTENT + b"!", enveloping)):
        (tmp_path / "content").write_bytes(content)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode == 0) == good, done.stderr
    assert not enveloping or (tmp_path / "verified").read_bytes() == CONTENT


@pytest.mark.parametrize("level", LEVELS)
def test_asn1crypto_reads_every_level(level: str) -> None:
    """An independent parser finds what was put in."""
    data = cms.ContentInfo.load(_at_level(level), strict=True)["content"]
    unsigned = data["signer_infos"][0]["unsigned_attrs"]
    kinds = [attribute["type"].dotted for attribute in unsigned]
    assert kinds == _ATTRIBUTES[: {"b": 0, "t": 1, "lt": 1, "lta": 2}[level]]
    choices = list(data["crls"]) if level in ("lt", "lta") else []
    assert [choice.name for choice in choices] == ["crl", "crl", "other"][
        : len(choices)
    ]
    for choice in choices[2:]:
        assert choice.chosen["other_rev_info_format"].native == "ocsp_response"


@pytest.mark.parametrize("enveloping", [False, True])
def test_the_archive_imprint_is_that_of_the_standard(enveloping: bool) -> None:
    """EN 319 122-1 5.5.2 and 5.5.3, put together from what asn1crypto takes apart."""

    def digest(octets: bytes) -> bytes:
        return hashlib.sha256(octets).digest()

    data = cms.ContentInfo.load(_at_level("lta", enveloping=enveloping))["content"]
    signer = data["signer_infos"][0]
    stamp, archive = sorted(
        signer["unsigned_attrs"], key=lambda each: each["type"].dotted, reverse=True
    )
    token = archive["values"][0].parse(cms.ContentInfo)["content"]
    (index,) = token["signer_infos"][0]["unsigned_attrs"]
    assert index["type"].dotted == oids.ATS_HASH_INDEX_V3
    index_der = index["values"][0].dump()

    class Digests(core.SequenceOf):  # type: ignore[misc]  # asn1crypto has no types
        _child_spec = core.OctetString

    class Index(core.Sequence):  # type: ignore[misc]  # the same
        _fields: ClassVar = [
            ("algorithm", algos.DigestAlgorithm),
            ("certificates", Digests),
            ("crls", Digests),
            ("attributes", Digests),
        ]

    stated = Index.load(index_der, strict=True)
    assert stated["algorithm"]["algorithm"].native == "sha256"
    certificates = {digest(each.chosen.dump()) for each in data["certificates"]}
    assert set(stated["certificates"].native) == certificates
    assert set(stated["crls"].native) == {digest(each.dump()) for each in data["crls"]}
    value = stamp["type"].dump() + stamp["values"][0].dump()
    assert stated["attributes"].native == [digest(value)]

    covered = data["encap_content_info"]["content_type"].dump() + digest(CONTENT)
    for field in ("version", "sid", "digest_algorithm", "signed_attrs"):
        covered += signer[field].dump()
    covered += signer["signature_algorithm"].dump() + signer["signature"].dump()
    info = token["encap_content_info"]["content"].parsed
    hashed = info["message_imprint"]["hashed_message"].native
    assert hashed == digest(covered + index_der)


@pytest.mark.parametrize("level", LEVELS)
def test_pyhanko_agrees_on_every_level(level: str) -> None:
    """pyHanko's own CAdES validation: intact, trusted, and stamped at that time."""
    pki, at = _pki(), moment(_pki())
    data = cms.ContentInfo.load(_at_level(level))["content"]

    def context(root: bytes, *crls: bytes) -> ValidationContext:
        return ValidationContext(
            trust_roots=[Certificate.load(root)],
            moment=at + timedelta(seconds=20),
            allow_fetching=False,
            crls=list(crls),
            revocation_mode="soft-fail",
        )

    status = asyncio.run(
        async_validate_detached_cms(
            CONTENT,
            data,
            signer_validation_context=context(pki.a.certificate, pki.crl(pki.a)),
            ts_validation_context=context(_tsa().root, _tsa().crl(at)),
        )
    )
    assert (status.intact, status.valid, status.trusted) == (True, True, True)
    if level == "b":
        assert status.timestamp_validity is None
    else:
        stamp = status.timestamp_validity
        assert stamp is not None
        assert (stamp.intact, stamp.valid, stamp.trusted) == (True, True, True)
        assert stamp.timestamp == at


@pytest.mark.parametrize("detached", [True, False])
def test_we_accept_what_pyhanko_signed(detached: bool) -> None:
    """A CAdES signature with a timestamp, both made by pyHanko."""
    authority, at = _tsa(), moment(_pki())
    own = Certificate.load(authority.certificate)
    key = keys.PrivateKeyInfo.load(_der(authority.unprotected_key))
    stamper = DummyTimeStamper(tsa_cert=own, tsa_key=key, fixed_dt=at)
    # The authority's own key stands for a signer's: what is tested is the form.
    registry = SimpleCertificateStore()
    registry.register(own)
    signer = signers.SimpleSigner(
        signing_cert=own, signing_key=key, cert_registry=registry
    )
    made = asyncio.run(
        signer.async_sign_general_data(
            CONTENT, "sha256", detached=detached, timestamper=stamper, use_cades=True
        )
    ).dump()
    checked = check_cms(made, CONTENT if detached else None)
    assert checked.certificate == authority.certificate
    assert [stamp.at for stamp in checked.timestamps] == [at]
    assert checked.notes == ()


def _der(text: bytes) -> bytes:
    (found,) = ders(text, "PRIVATE KEY")
    return found


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    "options",
    [
        ("-stream", "-nodetach"),
        ("-stream",),
        ("-nodetach", "-outform", "PEM"),
        ("-cades", "-outform", "PEM", "-md", "sha384"),
    ],
)
def test_we_judge_openssls_ber_and_pem(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    """What OpenSSL writes while it reads is BER; what it prints is PEM."""
    signed_, own = openssl_signed(tmp_path, *options)
    inside = "-nodetach" in options
    if options == ("-stream", "-nodetach"):
        with pytest.raises(EncodingError):
            parse_signed_data(signed_)
    assert check_cms(signed_, None if inside else CONTENT_OF_OPENSSL).certificate == own
    with pytest.raises(DocumentError):
        check_cms(signed_, b"another content")


def test_our_own_signatures_are_of_one_kind() -> None:
    """The level `b` is what `sign_detached` has always made."""
    at: datetime = moment(_pki())
    assert check_cms(_at_level("b"), CONTENT).claimed_at == at
    assert check_cms(signed(_pki(), CONTENT), CONTENT).claimed_at == at
