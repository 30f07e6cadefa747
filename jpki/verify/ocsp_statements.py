"""What the OCSP responses at hand state about a certificate (RFC 6960).

3.2 names what a client checks before it accepts a response; the numbers stand beside
the code. Of all authentic responses the newest one speaks that is current; one that is
newer and outdated vouches for nothing, but what it says is revoked stays so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.key_usage import KeyUsage
from jpki.model.revocation import Revocation
from jpki.model.suites import Digest
from jpki.verify.algorithms import require_algorithm
from jpki.verify.crls import ALL_REASONS
from jpki.verify.jobs import PathJob
from jpki.verify.refusal import Refused
from jpki.verify.statements import (
    Context,
    Statement,
    is_current,
    is_early,
    outlives,
    spoken_at,
)
from jpki.verify.validation import CandidatePath
from jpki.x509.keys import key_identifier
from jpki.x509.names import normalized, rfc4514
from jpki.x509.ocsp import (
    BasicResponse,
    OCSPResponse,
    SingleResponse,
    Unknown,
    cert_id,
)
from jpki.x509.parse import Certificate, parse_certificate

__all__ = ["ocsp_statements"]

_DIGESTS: Final = {digest.oid: digest for digest in Digest}
_MAY_SIGN: Final = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION})

_MAX_ENCLOSED: Final = 4
"""Enclosed certificates of the responder that are looked at: it has one, or while its
key changes two."""

_Answer = tuple[OCSPResponse, BasicResponse, SingleResponse]


def ocsp_statements(
    context: Context, path: CandidatePath, index: int
) -> Iterator[Statement]:
    """The newest authentic statement about the certificate at `index` that is current,
    if any, and before it the newest one that is outdated and was made later."""
    outdated = False
    for answer in _answers(context, path, index):
        response, _, single = answer
        current = _is_current(context.job, single)
        if outlives(context.job, single.this_update, path.certificates[index]) and (
            single.archive_cutoff is None
            or single.archive_cutoff > path.certificates[index].not_after
        ):
            current = False  # RFC 6960 4.4.4: without a cutoff it may be forgotten
        if outdated and not current:
            continue
        responder = _responder(context, path, index, answer)
        if responder is None:
            continue
        revocation = single.status if isinstance(single.status, Revocation) else None
        yield Statement(
            kind="ocsp",
            issuer=responder,
            fingerprint=hashlib.sha256(response.raw).hexdigest(),
            this_update=single.this_update,
            next_update=single.next_update,
            number=None,
            covers=ALL_REASONS,
            current=current,
            revoked_at=None if revocation is None else revocation.at,
            revocation_reason=None if revocation is None else revocation.reason.label,
        )
        if current:
            return
        outdated = True


def _answers(context: Context, path: CandidatePath, index: int) -> list[_Answer]:
    """3.2 (1): answers about this very certificate that say something, newest first."""
    certificate = path.certificates[index]
    found: list[_Answer] = []
    for response in context.job.pool.ocsp_responses(certificate.serial):
        basic = response.basic
        if basic is None or is_early(context.job, basic.produced_at):
            continue
        found.extend(
            (response, basic, single)
            for single in basic.responses
            if not isinstance(single.status, Unknown)
            and not is_early(context.job, single.this_update)
            and _is_about(single, certificate, path.key_above(index))
        )
    found.sort(
        key=lambda answer: (answer[2].this_update, answer[1].produced_at), reverse=True
    )
    return found


def _is_current(job: PathJob, single: SingleResponse) -> bool:
    """3.2 (5), (6). Without nextUpdate there was newer news at any time (4.2.2.1):
    then only who says how old news may be can rely on it."""
    if single.next_update is not None:
        return is_current(job, single.this_update, single.next_update)
    age = job.max_revocation_age
    return age is not None and job.at - single.this_update <= age


def _is_about(
    single: SingleResponse, certificate: Certificate, issuer_key: bytes
) -> bool:
    digest = _DIGESTS.get(single.cert_id.hash_oid)
    if digest is None:
        return False
    wanted = cert_id(certificate.issuer_der, issuer_key, certificate.serial, digest)
    return single.cert_id == wanted


def _responder(
    context: Context,
    path: CandidatePath,
    index: int,
    answer: _Answer,
) -> str | None:
    """3.2 (2)-(4): who signed, by name, if they may answer for this issuer.

    4.2.2.2: the issuer itself, with the key that signed the certificate, or a responder
    whom that same key certified for OCSP signing.
    """
    response, basic, single = answer
    at = spoken_at(context.job, single.this_update)
    issuer_key = path.key_above(index)
    issuer_name = path.name_above(index)
    holder = path.holder_above(index)
    if (
        _is_named(basic, normalized(issuer_name), issuer_key)
        and (holder is None or _may_sign(holder))
        and _signed(context, response, basic, issuer_key, at)
    ):
        return rfc4514(issuer_name)
    # The issuer's signature on the responder's certificate is asked for first: anybody
    # can enclose a certificate and sign with its key, however often.
    for certificate in _responders(context, basic):
        if (
            normalized(certificate.issuer) == normalized(issuer_name)
            and _may_answer(certificate)
            and context.facts.certificate_by(certificate, issuer_key, context.budget)
            and _signed(context, response, basic, certificate.public_key, at)
            and context.may_speak(
                path.branch(index, certificate), at, as_responder=True
            )
        ):
            return rfc4514(certificate.subject)
    return None


def _responders(context: Context, basic: BasicResponse) -> Iterator[Certificate]:
    """Certificates of whom the response names: enclosed, and of that name at hand."""
    found = 0
    for data in basic.certificates:
        try:
            certificate = parse_certificate(data)
        except EncodingError:
            continue
        if _is_named(basic, normalized(certificate.subject), certificate.public_key):
            yield certificate
            found += 1
        if found == _MAX_ENCLOSED:
            break
    if basic.responder_name is not None:
        yield from context.job.pool.certificates(basic.responder_name)


def _is_named(basic: BasicResponse, subject: object, public_key: bytes) -> bool:
    """Whether this is whom the responder identifier names."""
    if basic.responder_name is not None:
        return normalized(basic.responder_name) == subject
    try:
        return basic.responder_key_hash == key_identifier(public_key)
    except EncodingError:
        return False


def _may_answer(certificate: Certificate) -> bool:
    """id-kp-OCSPSigning is there by name; anyExtendedKeyUsage does not do."""
    try:
        purposes = certificate.extended_key_usage
    except EncodingError:
        return False
    return (
        purposes is not None
        and oids.KP_OCSP_SIGNING in purposes
        and _may_sign(certificate)
    )


def _may_sign(certificate: Certificate) -> bool:
    """If there is a key usage, it allows signing something else than certificates.

    An authority's own answers are signed with the key that signs its CRLs: cRLSign
    serves as well, for the service's authorities state nothing else.
    """
    try:
        usage = certificate.key_usage
    except EncodingError:
        return False
    return usage is None or bool(usage & (_MAY_SIGN | {KeyUsage.CRL_SIGN}))


def _signed(
    context: Context,
    response: OCSPResponse,
    basic: BasicResponse,
    key: bytes,
    at: datetime,
) -> bool:
    signed = context.facts.signed(
        key,
        basic.signature_algorithm,
        basic.signature,
        basic.tbs,
        context.budget,
        identity=hashlib.sha256(response.raw).digest(),
    )
    if not signed:
        return False
    try:
        require_algorithm(context.job.algorithms, basic.signature_algorithm, key, at)
    except (Refused, EncodingError):
        return False
    return True
