"""One installation for each era whose `ocsp_crl` other programs are asked to judge.

Its profiles have the addresses of lists beside the packaged directory names, because
none of those programs finds a list by a directory name.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from jpki import data
from jpki.authority import file_application, issue, publish_due, revoke
from jpki.der.writer import integer
from jpki.model.revocation import RevocationReason
from jpki.model.suites import Digest, suite
from jpki.x509.general_names import URIName
from jpki.x509.issuers import assemble
from jpki.x509.ocsp import CertID, cert_id
from jpki.x509.parse import Certificate, parse_certificate
from jpki.x509.pem import pem
from tests.support.installation import (
    Installation,
    founded_installation,
    new_key,
    request_for,
    send,
)
from tests.support.list_addresses import profiles_with_addresses
from tests.support.offices import COUNTER, OPERATOR, TARO, Register

__all__ = ["QUESTIONS", "REASON", "StatusSite", "status_site"]

QUESTIONS: Final = ("good", "revoked", "unknown")
"""What is asked about. Unknown is a certificate that is signed by the authority's key
and stands in no book."""
REASON: Final = RevocationReason.KEY_COMPROMISE

_TIMES: Final = {"prefectural-sha1": datetime(2012, 6, 1, tzinfo=UTC)}
"""Where the clock of an era stands whose algorithms may not issue any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusSite:
    """A running revocation service and what there is to ask it."""

    era: str
    installation: Installation
    folder: Path
    issuer: Certificate
    """Self-signed; in `issuer.pem`."""
    certificates: dict[str, Certificate]
    """By question; each also in a file of this name with `.pem`."""
    authority: str

    @property
    def url(self) -> str:
        """Of the service."""
        return self.installation.status_url

    @property
    def at(self) -> datetime:
        """What time it is there."""
        return self.installation.clock()

    def cert_id(self, question: str, digest: Digest = Digest.SHA256) -> CertID:
        """How OCSP names the certificate of this question."""
        return cert_id(
            self.issuer.subject_der,
            self.issuer.public_key,
            self.certificates[question].serial,
            digest,
        )

    def get(self, path: str) -> bytes:
        """What is served at this path."""
        reply = send(self.installation.settings.revocation.port, "GET", path)
        assert reply.status == 200, reply.body
        return reply.body

    def list_for(self, question: str) -> bytes:
        """The list at the address in the certificate of this question."""
        (point,) = self.certificates[question].crl_distribution_points
        (address,) = (name for name in point.full_name if isinstance(name, URIName))
        assert address.value.startswith(self.url)
        return self.get(address.value.removeprefix(self.url))

    def ask(self, request: bytes) -> bytes:
        """The OCSP response to this request."""
        reply = send(
            self.installation.settings.revocation.port,
            "POST",
            "/ocsp",
            request,
            {"Content-Type": "application/ocsp-request"},
        )
        assert reply.status == 200, reply.body
        return reply.body

    def run(self, *command: str, given: str = "") -> str:
        """What a program writes that runs in the folder, at the time of the era."""
        seconds = self.installation.clock.offset.total_seconds()
        moved = ("faketime", "-f", f"{seconds:+.0f}s") if seconds else ()
        done = subprocess.run(
            [*moved, *command],
            cwd=self.folder,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr


@contextmanager
def status_site(era: str, folder: Path) -> Iterator[StatusSite]:
    """Found it, issue and revoke, publish, and start its revocation service."""
    with founded_installation(
        folder / "site",
        era=era,
        at=_TIMES.get(era),
        profiles=profiles_with_addresses(folder / "profiles"),
    ) as made:
        made.start("ocsp_crl")
        register = Register()
        office = replace(made.office, provide=register.provide)
        certificates: dict[str, Certificate] = {}
        for number, question in enumerate(("good", "revoked")):
            code = TARO.code.from_ten(f"{8_100_000_000 + number}")
            register.add(replace(TARO, code=code))
            application = file_application(
                office,
                resident=code,
                idempotency_key=question,
                at=made.clock(),
                by=COUNTER,
            )
            key = new_key(data.era(era).suites["signature"])
            issued = issue(
                office,
                application.id,
                request_for(application.challenge, key),
                at=made.clock(),
                by=COUNTER,
            )
            certificates[question] = parse_certificate(issued.certificate)
        now = made.clock()
        revoke(
            office,
            issued.authority,
            issued.serial,
            REASON,
            ground="the card was found in other hands",
            at=now,
            by=OPERATOR,
            invalidity_date=now - timedelta(hours=1),
        )
        publish_due(office, at=made.clock())
        certificates["unknown"] = _never_recorded(
            made, issued.authority, certificates["good"]
        )
        issuer = parse_certificate(issued.authority_certificate)
        for name, certificate in {"issuer": issuer, **certificates}.items():
            (folder / f"{name}.pem").write_bytes(pem(certificate.raw, "CERTIFICATE"))
        yield StatusSite(
            era=era,
            installation=made,
            folder=folder,
            issuer=issuer,
            certificates=certificates,
            authority=issued.authority,
        )


def _never_recorded(
    made: Installation, authority: str, model: Certificate
) -> Certificate:
    """What somebody could have made who got hold of the authority's key."""
    tbs = model.tbs.replace(integer(model.serial), integer(model.serial ^ 1), 1)
    with made.office.store.read() as uow:
        generation = uow.authorities.generation(authority, 1)
    signer = made.office.keyring.open(generation.key_uri)
    return parse_certificate(assemble(tbs, suite(generation.suite), signer.sign(tbs)))
