"""The signed messages (S/MIME) of NIST's suite, from a mail's octets to a verdict.

Each message carries its signer's certificates; the CRLs are those of the case.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import pytest

from jpki.documents.cms import check_signer, parse_signed_data
from jpki.errors import DocumentError, EncodingError
from jpki.verify.outcomes import Valid
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.x509.parse import parse_certificate
from tests.vectors.test_pkits import CASES, case_files, judged_job

_UNSUPPORTED: Final = {"4.1.5"}
"""The signer's key is of DSA and has its parameters from above: documents are not
checked with keys that are not whole."""

_SIGNED_BY: Final = {"4.14.18": "4.14.19"}
"""What the suite has under the first subject was signed by the second's end entity."""

_BY_ID: Final = {case["id"]: case for case in CASES}


@lru_cache(maxsize=1)
def _messages() -> Mapping[str, bytes]:
    """By the letters and digits of their subject."""
    folder = resources.files("cryptography_vectors") / "x509" / "PKITS_data" / "smime"
    found = {}
    for file in folder.iterdir():
        mail = file.read_bytes().replace(b"\r\n", b"\n")
        subject = re.search(rb"^Subject: (.*)$", mail, re.MULTILINE)
        assert subject is not None
        found[_letters(subject[1].decode("ascii"))] = mail
    return found


def _letters(title: str) -> str:
    return re.sub(r"[^a-z0-9]", "", title.lower())


def _parts(mail: bytes) -> tuple[bytes, bytes]:
    """The signed part, with the line ends that are signed, and the signature."""
    boundary = re.search(rb'boundary="([^"]+)"', mail)
    assert boundary is not None
    _, signed, signature, _ = mail.split(b"--" + boundary[1])
    content = signed.removeprefix(b"\n").removesuffix(b"\n")
    encoded = signature.split(b"\n\n", 1)[1]
    return content.replace(b"\n", b"\r\n"), base64.b64decode(encoded)


def _is_good(case: Mapping[str, Any]) -> bool:
    content, signature = _parts(_messages()[_letters(case["title"])])
    case = _BY_ID[_SIGNED_BY.get(case["id"], case["id"])]
    try:
        document = parse_signed_data(signature)
        (signer,) = document.signers
        der = _signer_certificate(document.certificates, case)
        check_signer(signer, der, content)
        end_entity = parse_certificate(der)
    except (DocumentError, EncodingError):
        return False
    job = judged_job(case)
    assert job is not None
    pool = Pool.from_der(certificates=document.certificates, crls=case_files(case).crls)
    return isinstance(
        verify_path(replace(job, end_entity=end_entity, pool=pool)), Valid
    )


def _signer_certificate(enclosed: tuple[bytes, ...], case: Mapping[str, Any]) -> bytes:
    wanted = case_files(case).certificates[-1]
    assert wanted in enclosed
    return wanted


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_each_message(case: Mapping[str, Any]) -> None:
    """It is accepted exactly where NIST says so."""
    expected = case["valid"] and case["id"] not in _UNSUPPORTED
    assert _is_good(case) == expected


def test_an_altered_message_is_not_accepted() -> None:
    """One letter of the text or one octet of the signature."""
    case = CASES[0]
    content, signature = _parts(_messages()[_letters(case["title"])])
    (signer,) = parse_signed_data(signature).signers
    certificate = case_files(case).certificates[-1]
    check_signer(signer, certificate, content)
    with pytest.raises(DocumentError):
        check_signer(signer, certificate, content.replace(b"sample", b"Sample"))


def test_every_message_is_looked_at() -> None:
    """All 224, each by the cases of its number."""
    titles = {_letters(case["title"]) for case in CASES}
    assert titles == set(_messages())
    assert len(titles) == 224
