"""PKITS end to end: NIST's 224 signed messages, from the mail to the verdict.

Each numbered test of the suite comes as an S/MIME message too (PKITS.pdf, section 3):
the CMS signature is taken out of the mail and judged under the inputs of `pkits.toml`.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from typing import Any, Final

import pytest

from jpki.documents.cms_check import check_cms
from jpki.errors import DocumentError, DocumentFault
from jpki.model.profiles import KeyUsage
from jpki.verify import (
    AcceptAnyAlgorithm,
    AtHand,
    Outcome,
    Pool,
    TrustAnchor,
    Valid,
    VerificationPolicy,
    Verifier,
)
from jpki.verify.paths import verify_path
from jpki.x509.parse import parse_certificate
from tests.support.pkits import AT, CASES, TABLE, certificate, judged_job, policies

_FOLDER: Final = resources.files("cryptography_vectors") / "x509/PKITS_data"
_NOT_SUPPORTED: Final = {"4.1.5"}
"""The signer's DSA key lacks its parameters, which only a path would bring."""
_BOUNDARY: Final = re.compile(rb'boundary="([^"]+)"')


def _name(case: Mapping[str, Any]) -> str:
    return f"Signed{case['title'].replace(' ', '').replace('-', '')}.eml"


def _message(case: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The signed part in its canonical form (RFC 8551 3.1.1), and the signature."""
    mail = (_FOLDER / "smime" / _name(case)).read_bytes().replace(b"\r\n", b"\n")
    found = _BOUNDARY.search(mail)
    assert found is not None
    _, content, signature, _ = re.split(
        rb"(?:^|\n)--" + re.escape(found[1]) + rb"(?:--)?\n", mail
    )
    body = signature.partition(b"\n\n")[2]
    return content.replace(b"\n", b"\r\n"), b64decode(body)


def test_every_message_belongs_to_a_test() -> None:
    """224 messages, and each test of the table has one."""
    names = {file.name for file in (_FOLDER / "smime").iterdir()}
    assert len(names) == 224
    assert names == {_name(case) for case in CASES}


def _judge(case: Mapping[str, Any]) -> Outcome:
    """The verdict on the message, with nothing at hand but what it encloses."""
    content, signature = _message(case)
    anchor = TrustAnchor.of(parse_certificate(certificate(TABLE["anchor"])))
    policy = VerificationPolicy(
        anchors=(anchor,),
        policies=policies(case.get("initial", ["any"])),
        algorithms=AcceptAnyAlgorithm(),
        key_usage=frozenset({KeyUsage.NON_REPUDIATION}),
        basic_information=False,
    )
    verdict = Verifier(policy, AtHand(Pool())).verify(signature, content, AT)
    asked = {"explicit", "inhibit_mapping", "inhibit_any"} & {*case}
    if not isinstance(verdict, Valid) or not asked or not (job := judged_job(case)):
        return verdict
    # What a portal's policy has no word for is asked about the very same certificate.
    checked = check_cms(signature, content)
    enclosed = checked.enclosed
    pool = Pool.from_der(certificates=enclosed.certificates, crls=enclosed.crls)
    signer = parse_certificate(checked.certificate)
    return verify_path(replace(job, end_entity=signer, pool=pool))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_the_verdict_on_each_message_is_nists(case: Mapping[str, Any]) -> None:
    """From what the message encloses alone: valid with NIST's policies, or not."""
    verdict = _judge(case)
    if case["valid"] and case["id"] not in _NOT_SUPPORTED:
        assert isinstance(verdict, Valid), verdict.reason
        assert verdict.policies == policies(case["output"])
        assert verdict.kind in ("cms", None)
    else:
        assert not isinstance(verdict, Valid)


@pytest.mark.parametrize("case", CASES[::10], ids=lambda case: str(case["id"]))
def test_a_changed_message_is_not_what_was_signed(case: Mapping[str, Any]) -> None:
    """One letter more or another one, or one octet of the signature."""
    content, signature = _message(case)
    for changed in (content + b"!", content.replace(b"sample", b"Sample")):
        assert changed != content
        with pytest.raises(DocumentError) as refused:
            check_cms(signature, changed)
        assert refused.value.fault is DocumentFault.ALTERED
    last = bytes((signature[-1] ^ 1,))
    with pytest.raises(DocumentError) as refused:
        check_cms(signature[:-1] + last, content)
    assert refused.value.fault is DocumentFault.ALTERED
