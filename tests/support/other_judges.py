"""Path validation by Java, pyhanko-certvalidator, pyca/cryptography and GnuTLS.

Each takes cases of `tests.support.chance_pki` and says `valid` or why not. Java and
certvalidator carry out RFC 5280 section 6.1 with policies; pyca and GnuTLS are for
servers on the web and look at no policy.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import warnings
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    DisallowWeakAlgorithmsPolicy,
    PKIXValidationParams,
)
from pyhanko_certvalidator.validate import async_validate_path

from jpki.der.oids import ANY_POLICY
from jpki.x509.pem import pem
from tests.support.chance_pki import Case

__all__ = ["certvalidator", "gnutls", "java", "pyca"]

_JAVA: Final = Path(__file__).parent.parent / "interop" / "java" / "JudgeChains.java"


def java(cases: Sequence[Case], folder: Path) -> list[str]:
    """Java's PKIX validator on chains as they stand; one machine for all of them."""
    classes = folder / "JudgeChains.class"
    if not classes.exists():
        subprocess.run(["javac", "-d", folder, _JAVA], check=True)
    questions = "".join(map(_question, cases))
    done = subprocess.run(
        ["java", "-cp", folder, "JudgeChains"],
        input=questions,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def _question(case: Case) -> str:
    flags = (case.explicit, case.inhibit_mapping, case.inhibit_any)
    fields = [
        str(int(case.at.timestamp())),
        "".join("01"[flag] for flag in flags) + "01"[case.revocation != "none"],
        ",".join(policy for policy in case.policies if policy != ANY_POLICY)
        if ANY_POLICY not in case.policies
        else "",
        _base64([case.anchors[0]]),
        _base64(case.crls),
        _base64([case.end, *reversed(case.middle)]),
    ]
    return "\t".join(fields) + "\n"


def _base64(items: Iterable[bytes]) -> str:
    return ",".join(base64.b64encode(der).decode("ascii") for der in items)


def certvalidator(case: Case) -> str:
    """pyhanko-certvalidator on a chain as it stands."""
    try:
        anchor, *above, end = (
            asn1_x509.Certificate.load(der, strict=True)
            for der in (case.anchors[0], *case.middle, case.end)
        )
        context = ValidationContext(
            trust_roots=[anchor],
            crls=list(case.crls),
            moment=case.at,
            best_signature_time=case.at,
            time_tolerance=timedelta(0),
            revocation_mode="require" if case.revocation == "require" else "soft-fail",
            algorithm_usage_policy=DisallowWeakAlgorithmsPolicy(weak_hash_algos=set()),
        )
        wanted = {"any_policy" if oid == ANY_POLICY else oid for oid in case.policies}
        parameters = PKIXValidationParams(
            user_initial_policy_set=frozenset(wanted),
            initial_policy_mapping_inhibit=case.inhibit_mapping,
            initial_explicit_policy=case.explicit,
            initial_any_policy_inhibit=case.inhibit_any,
        )
        path = ValidationPath(CertTrustAnchor(anchor), above, end)
        asyncio.run(async_validate_path(context, path, parameters))
    except (ValidationError, PathError) as error:
        return f"refused: {error}"
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        # It lets what its parser raises pass through.
        return f"unreadable: {error}"
    return "valid"


def pyca(case: Case) -> str:
    """pyca/cryptography's verifier, with no demands on extensions of its own."""
    try:
        # Of serial numbers below 1 it warns; whether they are right is not its word.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return _pyca(case)
    except (VerificationError, ValueError) as error:
        return f"refused: {error}"


def _pyca(case: Case) -> str:
    anchors = [x509.load_der_x509_certificate(der) for der in case.anchors]
    middle = [x509.load_der_x509_certificate(der) for der in case.middle]
    end = x509.load_der_x509_certificate(case.end)
    everything = ExtensionPolicy.permit_all()
    authorities = everything.require_present(
        x509.BasicConstraints, Criticality.AGNOSTIC, None
    )
    verifier = (
        PolicyBuilder()
        .store(Store(anchors))
        .time(case.at)
        .max_chain_depth(20)
        .extension_policies(ca_policy=authorities, ee_policy=everything)
        .build_client_verifier()
    )
    verifier.verify(end, middle)
    return "valid"


def gnutls(case: Case, folder: Path) -> str:
    """`certtool --verify` on a chain as it stands."""
    chain, anchors = folder / "chain.pem", folder / "anchors.pem"
    ordered = [case.end, *reversed(case.middle)]
    chain.write_bytes(b"".join(pem(der, "CERTIFICATE") for der in ordered))
    anchors.write_bytes(b"".join(pem(der, "CERTIFICATE") for der in case.anchors))
    done = subprocess.run(
        [
            *("faketime", "-f", f"{case.at:%Y-%m-%d %H:%M:%S}"),
            *("certtool", "--verify", "--verify-allow-broken"),
            *("--load-ca-certificate", anchors, "--infile", chain),
        ],
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return "valid"
    said = [line for line in done.stdout.splitlines() if "Output:" in line]
    return f"refused: {' '.join(said)[-200:]} {done.stderr.strip()[-100:]}"
