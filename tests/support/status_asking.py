"""How each program is asked about a certificate, and what its answer means."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from jpki.x509.pem import pem
from tests.support.status_sites import QUESTIONS, StatusSite
from tests.support.status_table import REFUSED

__all__ = ["ASKING", "Verdicts", "ask_java"]

Verdicts = Mapping[tuple[str, str, str], str]
"""By way, era and question."""

_Ask = Callable[[StatusSite, str], str]

_JAVA: Final = Path(__file__).parent.parent / "interop" / "java" / "AskStatus.java"


def _each(ways: Mapping[str, _Ask], sites: Sequence[StatusSite]) -> Verdicts:
    return {
        (way, site.era, question): ask(site, question)
        for way, ask in ways.items()
        for site in sites
        for question in QUESTIONS
    }


# -- OpenSSL --------------------------------------------------------------------------


def _ocsp_output(output: str, question: str) -> str:
    status = re.search(rf"{question}\.pem: (good|revoked|unknown)", output)
    if status is None or "Response verify OK" not in output or "WARNING" in output:
        return REFUSED
    reason = re.search(r"Reason: (\w+)", output)
    return status[1] if reason is None else f"{status[1]} {reason[1]}"


def _openssl_ocsp(site: StatusSite, question: str) -> str:
    command = f"openssl ocsp -issuer issuer.pem -cert {question}.pem -CAfile issuer.pem"
    output = site.run(*command.split(), "-url", f"{site.url}/ocsp")
    return _ocsp_output(output, question)


def _openssl_get(site: StatusSite, question: str) -> str:
    request, response = site.folder / "request.der", site.folder / "response.der"
    command = f"openssl ocsp -issuer issuer.pem -cert {question}.pem -no_nonce".split()
    request.unlink(missing_ok=True)
    site.run(*command, "-reqout", request.name)
    if not request.exists():
        return REFUSED
    encoded = quote(base64.b64encode(request.read_bytes()), safe="")
    response.write_bytes(site.get(f"/ocsp/{encoded}"))
    output = site.run(*command, "-CAfile", "issuer.pem", "-respin", response.name)
    return _ocsp_output(output, question)


def _openssl_crl(site: StatusSite, question: str) -> str:
    (site.folder / "list.crl").write_bytes(site.list_for(question))
    output = site.run(
        *("openssl", "crl", "-inform", "DER", "-in", "list.crl"),
        *("-CAfile", "issuer.pem", "-text", "-noout"),
    )
    if "verify OK" not in output:
        return REFUSED
    serial = site.certificates[question].serial
    found = re.search(
        rf"Serial Number: {serial:X}\n.*?Reason Code: *\n *([\w ]+)", output, re.DOTALL
    )
    if found is None:
        return "revoked" if f"{serial:X}" in output else "good"
    first, *rest = found[1].split()
    return f"revoked {first.lower()}{''.join(word.capitalize() for word in rest)}"


def _openssl_verify(site: StatusSite, question: str) -> str:
    command = "openssl verify -x509_strict -crl_check_all -crl_download -CAfile"
    output = site.run(*command.split(), "issuer.pem", f"{question}.pem")
    if output.strip() == f"{question}.pem: OK":
        return "good"
    return "revoked" if "certificate revoked" in output else REFUSED


def _ask_openssl(sites: Sequence[StatusSite]) -> Verdicts:
    return _each(
        {
            "openssl ocsp": _openssl_ocsp,
            "openssl ocsp -respin": _openssl_get,
            "openssl crl": _openssl_crl,
            "openssl verify": _openssl_verify,
        },
        sites,
    )


# -- GnuTLS ---------------------------------------------------------------------------


def _ocsptool(site: StatusSite, question: str, *more: str) -> str:
    output = site.run(
        *("ocsptool", f"--ask={site.url}/ocsp", "--nonce", *more),
        *("--load-cert", f"{question}.pem"),
        *("--load-issuer", "issuer.pem", "--load-trust", "issuer.pem"),
    )
    status = re.search(r"Certificate Status: (\w+)", output)
    if status is None or "Verifying OCSP Response: Success" not in output:
        return REFUSED
    return status[1]


def _certtool(site: StatusSite, question: str, *more: str) -> str:
    (site.folder / "list.pem").write_bytes(pem(site.list_for(question), "X509 CRL"))
    output = site.run(
        *["certtool", "--verify", "--load-crl", "list.pem", "--load-ca-certificate"],
        *("issuer.pem", "--infile", f"{question}.pem", *more),
    )
    _, _, verdict = output.partition("Chain verification output: ")
    if verdict.startswith("Verified. The certificate is trusted."):
        return "good"
    return "revoked" if "certificate chain is revoked" in verdict else REFUSED


def _ask_gnutls(sites: Sequence[StatusSite]) -> Verdicts:
    return _each(
        {
            "ocsptool": _ocsptool,
            "ocsptool --verify-allow-broken": lambda site, question: _ocsptool(
                site, question, "--verify-allow-broken"
            ),
            "certtool --verify": _certtool,
            "certtool --verify-allow-broken": lambda site, question: _certtool(
                site, question, "--verify-allow-broken"
            ),
        },
        sites,
    )


# -- Java -----------------------------------------------------------------------------


def ask_java(sites: Sequence[StatusSite], responder: str | None = None) -> Verdicts:
    """One virtual machine for all questions of one clock.

    Lists are asked for only if no responder is named.
    """
    verdicts: dict[tuple[str, str, str], str] = {}
    for offset in {site.installation.clock.offset for site in sites}:
        together = [site for site in sites if site.installation.clock.offset == offset]
        verdicts |= _java_at_once(together, responder)
    return verdicts


def _java_at_once(sites: Sequence[StatusSite], responder: str | None) -> Verdicts:
    methods = {"Java PKIX, OCSP": "ocsp"}
    if responder is None:
        methods["Java PKIX, CRLDP"] = "crl"
    questions = [
        (way, site, question)
        for way in methods
        for site in sites
        for question in QUESTIONS
    ]
    lines = [
        "\t".join(
            [
                methods[way],
                str(int(site.at.timestamp() * 1000)),
                str(site.folder / "issuer.pem"),
                str(site.folder / f"{question}.pem"),
                *([] if responder is None else [responder]),
            ]
        )
        for way, site, question in questions
    ]
    output = sites[-1].run(
        *("java", "-XX:TieredStopAtLevel=1", "-Dcom.sun.security.enableCRLDP=true"),
        str(_JAVA),
        given="\n".join(lines),
    )
    return {
        (way, site.era, question): _java_answer(answer)
        for (way, site, question), answer in zip(
            questions, output.splitlines(), strict=True
        )
    }


def _java_answer(answer: str) -> str:
    word, _, reason = answer.partition(" ")
    if word == "refused:":
        return REFUSED
    first, *rest = reason.lower().split("_")
    named = first + "".join(part.capitalize() for part in rest)
    return f"{word} {named}".strip()


# -- NSS ------------------------------------------------------------------------------

_NSS_GOOD: Final = "Chain is good!"


def _vfychain(site: StatusSite, question: str, method: str) -> str:
    if not (site.folder / "nss").exists():
        (site.folder / "nss").mkdir()
        site.run(*["certutil", "-N", "-d", "sql:nss", "--empty-password"])
        site.run(
            *("certutil", "-A", "-d", "sql:nss", "-n", "issuer"),
            *("-t", "TC,TC,TC", "-a", "-i", "issuer.pem"),
        )
    asked = ("-a", f"{question}.pem")
    chain = ("vfychain", "-d", "sql:nss", "-pp", "-u", "4", "-g", "leaf")
    output = site.run(
        *(*chain, "-h", "requireFreshInfo", "-m", method, "-s", "failIfNoInfo", *asked)
    )
    if output.strip() == _NSS_GOOD:
        return "good"
    if "has been revoked" not in output:
        return REFUSED
    # It says so, too, where information is required and the responder has none.
    output = site.run(*chain, "-m", method, *asked)
    return "unknown" if output.strip() == _NSS_GOOD else "revoked"


def _ask_nss(sites: Sequence[StatusSite]) -> Verdicts:
    return _each(
        {
            "vfychain -m ocsp": lambda site, asked: _vfychain(site, asked, "ocsp"),
            "vfychain -m crl": lambda site, asked: _vfychain(site, asked, "crl"),
        },
        sites,
    )


# -- pyca/cryptography ----------------------------------------------------------------


def _certificate(site: StatusSite, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((site.folder / f"{name}.pem").read_bytes())


def _pyca_ocsp(site: StatusSite, question: str) -> str:
    issuer = _certificate(site, "issuer")
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        _certificate(site, question), issuer, SHA256()
    )
    request = builder.build().public_bytes(Encoding.DER)
    response = ocsp.load_der_ocsp_response(site.ask(request))
    try:
        _verify_response(response, issuer)
    except InvalidSignature:
        return REFUSED
    status = response.certificate_status.name.lower()
    reason = response.revocation_reason
    return status if reason is None else f"{status} {reason.value}"


def _verify_response(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    """By a delegate of the issuer (RFC 6960 4.2.2.2)."""
    (delegate,) = response.certificates
    _verify(
        issuer.public_key(),
        delegate.signature,
        delegate.tbs_certificate_bytes,
        delegate.signature_hash_algorithm,
    )
    usage = delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.OCSP_SIGNING in usage
    delegate.extensions.get_extension_for_class(x509.OCSPNoCheck)
    _verify(
        delegate.public_key(),
        response.signature,
        response.tbs_response_bytes,
        response.signature_hash_algorithm,
    )


def _verify(
    key: object, signature: bytes, signed: bytes, digest: HashAlgorithm | None
) -> None:
    match key, digest:
        case RSAPublicKey(), HashAlgorithm():
            key.verify(signature, signed, PKCS1v15(), digest)
        case EllipticCurvePublicKey(), HashAlgorithm():
            key.verify(signature, signed, ECDSA(digest))
        case MLDSA65PublicKey(), None:
            key.verify(signature, signed)
        case _:
            raise UnsupportedAlgorithm(str(type(key)))


def _pyca_crl(site: StatusSite, question: str) -> str:
    found = x509.load_der_x509_crl(site.list_for(question))
    try:
        # Its own is_signature_valid says no to SHA-1.
        _verify(
            _certificate(site, "issuer").public_key(),
            found.signature,
            found.tbs_certlist_bytes,
            found.signature_hash_algorithm,
        )
    except InvalidSignature:
        return REFUSED
    entry = found.get_revoked_certificate_by_serial_number(
        site.certificates[question].serial
    )
    if entry is None:
        return "good"
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    return f"revoked {reason.value}"


def _ask_pyca(sites: Sequence[StatusSite]) -> Verdicts:
    return _each({"x509.ocsp": _pyca_ocsp, "x509.load_der_x509_crl": _pyca_crl}, sites)


ASKING: Final[Mapping[str, Callable[[Sequence[StatusSite]], Verdicts]]] = {
    "OpenSSL": _ask_openssl,
    "GnuTLS": _ask_gnutls,
    "Java": ask_java,
    "NSS": _ask_nss,
    "pyca/cryptography": _ask_pyca,
}
"""By program."""
