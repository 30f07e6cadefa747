"""Citizens' certificates verified in one process, beside the bare verification.

One verdict is: the certificate parsed, a path to its authority built and validated
(RFC 5280 section 6: signature, validity, names, policies, key usage), and the serial
number looked up in the authority's CRL, which is at hand. Every certificate is another
citizen's. The authority's certificate and the CRL are parsed and verified before, as
they are for all but the first of a verifier's verdicts. The limit is the check of the
certificate's signature and nothing else. Rates are for each second of computing.

The peers are given the same certificates and the same CRL: OpenSSL's `X509_verify_cert`
in C, which checks the CRL's signature each time; pyhanko-certvalidator, whose verdicts
take so long that it is asked for a few only; and pyca's verifier, which knows neither
policies nor revocation. Memory is that of a process of its own which holds the CRLs of
47 authorities, with a million entries between them, and gives verdicts.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.x509 import verification
from pyhanko_certvalidator import CertificateValidator, ValidationContext

from benchmarks.figures import Figure, Target
from benchmarks.issue_work import NOT_BEFORE, Work
from benchmarks.openssl_c import OpenSSLVerifier, openssl_name
from benchmarks.timing import alternating, cpu_seconds
from benchmarks.verify_memory import memory
from benchmarks.verify_work import crl_of
from jpki.verify.algorithms import AcceptAnyAlgorithm
from jpki.verify.anchors import TrustAnchor
from jpki.verify.crls import RevocationList
from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.memory import Memory
from jpki.verify.outcomes import Valid
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.x509.parse import parse_certificate, parse_crl
from jpki.x509.signatures import verify_signature

__all__ = ["run"]

_TARGETS: Final = {"rsa2048-sha256": 0.3, "p256-sha256": 0.6, "p384-sha384": 0.9}
"""Of the bare verification's rate."""

_TIMES_OPENSSL: Final = 2.0
_FEW: Final = 1_000
_MANY: Final = 1_000_000
_FLAT: Final = 0.9
_LONG: Final = 1 << 20
"""Octets of a CRL."""
_AT: Final = NOT_BEFORE + timedelta(days=2)


def run(quick: bool) -> Sequence[Figure]:
    """Verify for each kind of authority's key, with a short and a long CRL."""
    count, rounds, many = (60, 5, 20_000) if quick else (200, 30, _MANY)
    figures: list[Figure] = [memory(many)]
    for suite_id, share in _TARGETS.items():
        work = Work(suite_id, count, random.Random(suite_id))
        few = _Verifier(work, _FEW)
        figures.append(_figure(f"{suite_id}, CRL of {_FEW:,}", few, rounds, share))
        if suite_id != "rsa2048-sha256":
            continue
        long = _figure(
            f"{suite_id}, CRL of {many:,}", _Verifier(work, many), rounds, share
        )
        before, after = (figure.ratio_to_limit or 0 for figure in (figures[-1], long))
        figures += [
            *_beside_openssl(figures[-1]),
            long,
            Figure(
                name="share of the rate kept with the longer CRL",
                value=after / before,
                unit="",
                target=Target("at least", _FLAT),
            ),
        ]
    return figures


def _figure(name: str, verifier: _Verifier, rounds: int, share: float) -> Figure:
    count = len(verifier.certificates)
    peers, slow = verifier.peers()
    seconds = alternating(
        {"bare": verifier.signatures, "jpki": verifier.verdicts, **peers},
        rounds,
        cpu_seconds,
    )
    rates = {name: count / each for name, each in seconds.items()}
    rates |= {name: 1 / _seconds(once) for name, once in slow.items()}
    limit, value = rates.pop("bare"), rates.pop("jpki")
    return Figure(
        name=name,
        value=value,
        unit="1/s",
        limit=limit,
        peers=rates,
        target=Target("at least", share, of_limit=True),
    )


def _beside_openssl(figure: Figure) -> Sequence[Figure]:
    """How many times as fast as OpenSSL with the same CRL in the same run."""
    name = openssl_name()
    if name is None:
        return ()
    return (
        Figure(
            name=f"times the rate of {name}",
            value=figure.value / figure.peers[name],
            unit="",
            target=Target("at least", _TIMES_OPENSSL),
        ),
    )


def _seconds(once: Callable[[], object]) -> float:
    began = cpu_seconds()
    once()
    return cpu_seconds() - began


_Candidates = dict[str, Callable[[], object]]


class _Verifier:
    """An authority's certificate and CRL, and the certificates to be judged."""

    def __init__(self, work: Work, revoked: int) -> None:
        self.certificates = work.issue_all()
        self._authority = work.authority()
        self._crl = crl_of(work, revoked)
        self._anchor = TrustAnchor.of(parse_certificate(self._authority))
        self._pool = Pool((), [RevocationList(parse_crl(self._crl))])
        self._parsed = [parse_certificate(der) for der in self.certificates]
        # So few that a certificate's signature is forgotten before its next turn.
        self._memory = Memory(capacity=len(self.certificates) // 2)
        self._judge(self.certificates[0])

    def signatures(self) -> None:
        """The limit."""
        for one in self._parsed:
            assert verify_signature(
                self._anchor.public_key,
                one.signature_algorithm,
                one.signature,
                one.tbs,
            )

    def verdicts(self) -> None:
        """Every certificate judged as if it were seen for the first time."""
        checked = sum(map(self._judge, self.certificates))
        assert checked >= len(self.certificates) - 1

    def _judge(self, der: bytes) -> int:
        job = PathJob(
            anchors=(self._anchor,),
            end_entity=parse_certificate(der),
            at=_AT,
            algorithms=AcceptAnyAlgorithm(),
            pool=self._pool,
            revocation=RevocationMode.REQUIRE,
        )
        verdict = verify_path(job, self._memory)
        assert isinstance(verdict, Valid)
        return verdict.work.signatures

    def peers(self) -> tuple[_Candidates, _Candidates]:
        """Other libraries: those that take turns, and those that are asked once."""
        store = verification.Store([x509.load_der_x509_certificate(self._authority)])
        anything = verification.ExtensionPolicy.permit_all().may_be_present(
            x509.CertificatePolicies, verification.Criticality.AGNOSTIC, None
        )
        authority = anything.require_present(
            x509.BasicConstraints, verification.Criticality.AGNOSTIC, None
        )
        verifier = (
            verification.PolicyBuilder()
            .store(store)
            .time(_AT.replace(tzinfo=None))
            .extension_policies(ca_policy=authority, ee_policy=anything)
            .build_client_verifier()
        )

        def pyca() -> None:
            for der in self.certificates:
                verifier.verify(x509.load_der_x509_certificate(der), [])

        quick: _Candidates = {"cryptography": pyca}
        slow: _Candidates = {"pyhanko-certvalidator": self.certvalidator}
        if (name := openssl_name()) is None:
            return quick, slow
        openssl = OpenSSLVerifier(self._authority, self._crl, _AT)

        def verify(certificates: Sequence[bytes]) -> None:
            assert openssl.verify(certificates) == len(certificates)

        # It checks the signature over the whole CRL each time.
        if len(self._crl) < _LONG:
            return {**quick, name: partial(verify, self.certificates)}, slow
        return quick, {**slow, name: partial(verify, self.certificates[:1])}

    def certvalidator(self) -> None:
        """One verdict of pyhanko-certvalidator, whose CRL is parsed before."""
        context = ValidationContext(
            trust_roots=[asn1_x509.Certificate.load(self._authority)],
            crls=[asn1_crl.CertificateList.load(self._crl)],
            moment=_AT,
            best_signature_time=_AT,
            revocation_mode="require",
            allow_fetching=False,
        )
        validator = CertificateValidator(
            asn1_x509.Certificate.load(self.certificates[-1]),
            validation_context=context,
        )
        asyncio.run(validator.async_validate_usage(set()))
