"""The national authorities as servers, with RSA and with ML-DSA."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from jpki import data
from jpki.authority import account_for_serials
from jpki.authority.office.identifiers import national_id
from jpki.model.purposes import Purpose
from jpki.model.serials import LAST_COUNTED
from jpki.x509.ocsp import Good, parse_response
from jpki.x509.parse import parse_certificate
from jpki.x509.signatures import verify_signature
from tests.support.installation import new_key, request_for, running_installation

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("era", "serials"), [("jlis", "jpki-compat"), ("post-quantum", "modern")]
)
def test_both_certificates_are_issued_and_answered_for(
    tmp_path: Path, era: str, serials: str
) -> None:
    """Over HTTP, each by its authority; OCSP says good in that authority's name."""
    folder = tmp_path / "site"
    with running_installation(folder, era=era, serials=serials) as made:
        client, resident = made.client(), made.newcomer()
        for purpose in Purpose:
            filed = client.file_application(resident, str(uuid.uuid4()), purpose)
            signer = new_key(data.era(era).suites[purpose.value])
            issued = client.certify(filed.id, request_for(filed.challenge, signer))
            assert issued.authority == national_id(purpose)
            assert (issued.serial <= LAST_COUNTED) == (serials == "jpki-compat")
            root = parse_certificate(issued.authority_certificate)
            certificate = parse_certificate(issued.certificate)
            assert verify_signature(
                root.public_key,
                certificate.signature_algorithm,
                certificate.signature,
                certificate.tbs,
            )
            answer = parse_response(made.status().ocsp(certificate, root))
            assert answer.basic is not None
            (single,) = answer.basic.responses
            assert isinstance(single.status, Good)
        with made.office.store.read() as uow:
            account = account_for_serials(uow)
        assert account.problems == ()
