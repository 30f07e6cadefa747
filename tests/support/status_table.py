"""What other programs say of the revocation service: the table, and its exceptions.

One line of the table is a way of asking, its columns are the eras. Where nothing else
is said, a way tells good, revoked with the reason, and unknown; a list cannot tell what
is unknown from what is good. Each exception has its reason. What a program cannot judge
it must refuse: that is a verdict, too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jpki import data
from tests.support.java import java_knows
from tests.support.status_sites import QUESTIONS, REASON

__all__ = [
    "ERAS",
    "EXCEPTIONS",
    "PROGRAMS",
    "REFUSED",
    "WAYS",
    "Deviation",
    "Program",
    "Way",
    "expected",
    "usual",
]

ERAS: Final = tuple(data.eras())
REFUSED: Final = "refused"
"""The program cannot judge, and says so."""
REVOKED: Final = f"revoked {REASON.label}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """Another implementation."""

    name: str
    component: str | None
    """In `.ci/system-packages.txt`; None for a package of Python."""
    command: tuple[str, ...]
    """Prints the version."""
    version: str
    """With which the table was made; how the output of the command begins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way in which a program learns what became of a certificate."""

    program: str
    by_list: bool
    how: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Deviation:
    """What some ways say of some questions instead of the usual."""

    ways: tuple[str, ...]
    says: str
    why: str
    eras: tuple[str, ...] = ERAS
    questions: tuple[str, ...] = QUESTIONS
    unless: Callable[[], bool] = lambda: False
    """Whether the program on this machine says the usual nevertheless."""


PROGRAMS: Final = {
    program.name: program
    for program in (
        Program(
            name="OpenSSL",
            component="openssl",
            command=("openssl", "version"),
            version="OpenSSL 3.0",
        ),
        Program(
            name="GnuTLS",
            component="gnutls",
            command=("certtool", "--version"),
            version="certtool 3.7",
        ),
        Program(
            name="Java",
            component="java",
            command=("java", "--version"),
            version="openjdk 17",
        ),
        Program(
            name="NSS",
            component="nss",
            command=("dpkg-query", "--show", "libnss3-tools"),
            version="libnss3-tools\t2:3.87",
        ),
        Program(
            name="pyca/cryptography",
            component=None,
            command=(
                sys.executable,
                "-c",
                "import cryptography as c; print(c.__version__)",
            ),
            version="50.",
        ),
    )
}

WAYS: Final = {
    "openssl ocsp": Way(
        program="OpenSSL", by_list=False, how="Asks by POST, judges the answer."
    ),
    "openssl ocsp -respin": Way(
        program="OpenSSL",
        by_list=False,
        how="Its request (`-reqout`) goes out by GET, it judges what comes back.",
    ),
    "openssl crl": Way(
        program="OpenSSL",
        by_list=True,
        how="Verifies and prints the list at the certificate's address.",
    ),
    "openssl verify": Way(
        program="OpenSSL",
        by_list=True,
        how="`-crl_check_all -crl_download`: fetches CRL and ARL from the addresses "
        "in both certificates.",
    ),
    "ocsptool": Way(
        program="GnuTLS", by_list=False, how="Asks by POST, judges the answer."
    ),
    "ocsptool --verify-allow-broken": Way(
        program="GnuTLS", by_list=False, how="The same, SHA-1 allowed."
    ),
    "certtool --verify": Way(
        program="GnuTLS",
        by_list=True,
        how="`--load-crl` with the list at the certificate's address.",
    ),
    "certtool --verify-allow-broken": Way(
        program="GnuTLS", by_list=True, how="The same, SHA-1 allowed."
    ),
    "Java PKIX, OCSP": Way(
        program="Java",
        by_list=False,
        how="Asks by GET at the address in the certificate.",
    ),
    "Java PKIX, CRLDP": Way(
        program="Java",
        by_list=True,
        how="`com.sun.security.enableCRLDP`: fetches the list from the address in the "
        "certificate.",
    ),
    "vfychain -m ocsp": Way(
        program="NSS",
        by_list=False,
        how="Asks at the address in the certificate. Unknown is where it says revoked "
        "only if told to fail without information.",
    ),
    "vfychain -m crl": Way(
        program="NSS",
        by_list=True,
        how="Fetches the list from the address in the certificate.",
    ),
    "x509.ocsp": Way(
        program="pyca/cryptography",
        by_list=False,
        how="Makes the request; verifies answer and delegation by keys.",
    ),
    "x509.load_der_x509_crl": Way(
        program="pyca/cryptography",
        by_list=True,
        how="Verifies the list at the certificate's address, and looks up.",
    ),
}

EXCEPTIONS: Final = (
    Deviation(
        ways=(
            "openssl verify",
            "ocsptool",
            "ocsptool --verify-allow-broken",
            "certtool --verify",
            "certtool --verify-allow-broken",
            "vfychain -m ocsp",
            "vfychain -m crl",
        ),
        questions=("revoked",),
        says="revoked",
        why="It does not print reasons.",
    ),
    Deviation(
        ways=("ocsptool", "certtool --verify"),
        eras=("prefectural-sha1",),
        says=REFUSED,
        why="GnuTLS refuses signatures with SHA-1 unless they are allowed.",
    ),
    Deviation(
        ways=tuple(
            name
            for name, way in WAYS.items()
            if way.program in ("OpenSSL", "GnuTLS", "NSS")
        ),
        eras=("post-quantum",),
        says=REFUSED,
        why="None of these programs in Debian 12 knows ML-DSA (FIPS 204).",
    ),
    Deviation(
        ways=tuple(name for name, way in WAYS.items() if way.program == "Java"),
        eras=("post-quantum",),
        says=REFUSED,
        why="Older runtimes do not know ML-DSA: it came with JDK 24 (JEP 497), and "
        "later to updates of JDK 17. A runtime that knows it says the usual.",
        unless=lambda: java_knows("ML-DSA"),
    ),
)
"""Later ones stand over earlier ones."""


def usual(way: str, question: str) -> str:
    """What a way says of a question where there is no exception."""
    if question == "unknown" and WAYS[way].by_list:
        return "good"
    return REVOKED if question == "revoked" else question


def expected(way: str, era: str, question: str) -> str:
    """What a way says of a question in an era."""
    verdict = usual(way, question)
    for exception in EXCEPTIONS:
        if (
            way in exception.ways
            and era in exception.eras
            and question in exception.questions
            and not exception.unless()
        ):
            verdict = exception.says
    return verdict
