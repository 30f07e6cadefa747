"""Certificates that the service published: our encoder gives the same bytes."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from jpki import data
from jpki.der import oids
from jpki.der.writer import NULL, bit_string, integer, object_identifier, sequence
from jpki.model.names import Attribute, Name, StringType
from jpki.model.suites import suite
from jpki.x509.certificates import IssuerView, prepare_certificate
from jpki.x509.keys import key_identifier
from jpki.x509.names import ATTRIBUTE_KEYWORDS

_FILE: Final = Path(__file__).with_name("authority_certificates.toml")
_TABLE: Final[dict[str, dict[str, Any]]] = tomllib.loads(_FILE.read_text("utf-8"))
_OIDS: Final = {keyword: oid for oid, keyword in ATTRIBUTE_KEYWORDS.items()}


def _name(parts: list[str]) -> Name:
    def attribute(part: str) -> Attribute:
        keyword, _, value = part.partition("=")
        kind = StringType.PRINTABLE if keyword == "C" else StringType.UTF8
        return Attribute(_OIDS[keyword], value, kind)

    return Name.of(*map(attribute, parts))


def _public_key(vector: dict[str, Any]) -> bytes:
    modulus = int("".join(vector["modulus"].split()), 16)
    key = sequence(integer(modulus), integer(vector["exponent"]))
    algorithm = sequence(object_identifier(oids.RSA_ENCRYPTION), NULL)
    return sequence(algorithm, bit_string(key))


@pytest.mark.parametrize("identifier", _TABLE)
def test_a_published_certificate_is_reproduced_byte_for_byte(identifier: str) -> None:
    """The packaged profile, given a certificate's values, gives its signed bytes."""
    vector = _TABLE[identifier]
    name, alternative = _name(vector["name"]), _name(vector["alternative"])
    public_key = _public_key(vector)
    not_before: datetime = vector["not_before"]
    prepared = prepare_certificate(
        data.certificate_profile(vector["profile"]),
        issuer=IssuerView(
            name=name,
            alternative_name=alternative,
            key_identifier=key_identifier(public_key),
            certificate_issuer=name,
            certificate_serial=int(vector["serial"], 16),
            suite=suite(vector["suite"]),
        ),
        values={},
        public_key=public_key,
        serial=int(vector["serial"], 16),
        not_before=not_before,
        subject=name,
        subject_alternative=alternative,
    )
    assert vector["not_after"] == prepared.not_after
    assert vector["key_identifier"] == key_identifier(public_key).hex()
    assert vector["sha256_of_tbs"] == hashlib.sha256(prepared.tbs).hexdigest()
    assert prepared.findings == ()


def test_all_six_published_certificates_are_here() -> None:
    """The bridge, three keys of one signature authority, two of the other."""
    assert set(_TABLE) == {
        "bridge-2003",
        "signature-2015",
        "signature-2019",
        "signature-2023",
        "authentication-2015",
        "authentication-2023",
    }
