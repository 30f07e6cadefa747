"""What people signed when they asked, agreed or refused, and whether it is so.

Requests for acts that need two people are HTTP requests that their senders sign
(RFC 9421), also where no server is between: signature base, signature and body go into
the audit entry. Whoever has the entry and the operator's certificate can verify it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from jpki.access import Evidence
from jpki.authority.agreeing.deed_reading import deed_from
from jpki.authority.agreeing.deeds import Deed
from jpki.errors import AuditError, AuthenticationError, EncodingError, JpkiError
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import AuditEntry
from jpki.strict_json import parse_object
from jpki.x509.parse import parse_certificate

__all__ = [
    "Agreements",
    "Statement",
    "agreements",
    "approval_of",
    "check_statement",
    "evidence_details",
    "refusal_of",
    "request_for",
    "require_said",
]

_REQUESTED: Final = "consent.requested"
_REFUSED: Final = "consent.refused"
_ACTS: Final = (_REQUESTED, "consent.approved", _REFUSED)
_FIELDS: Final = ("signed", "signature", "body")


@dataclass(frozen=True, slots=True)
class Statement:
    """What is sent and signed: a path below the server's, and a body."""

    path: str
    body: bytes


def request_for(deed: Deed) -> Statement:
    """Ask for a deed."""
    document = {"act": deed.kind.value, "parameters": dict(deed.parameters)}
    return Statement("/requests", json.dumps(document).encode())


def approval_of(request: str, digest: bytes) -> Statement:
    """Agree to what was read."""
    document = json.dumps({"digest": digest.hex()})
    return Statement(f"/requests/{quote(request, safe='')}/approval", document.encode())


def refusal_of(request: str) -> Statement:
    """Refuse, or withdraw."""
    return Statement(f"/requests/{quote(request, safe='')}/refusal", b"")


def evidence_details(evidence: Evidence | None) -> Mapping[str, str]:
    """What an audit entry keeps of it."""
    if evidence is None:
        return {}
    return {
        "signed": evidence.base,
        "signature": base64.b64encode(evidence.signature).decode("ascii"),
        "body": evidence.body.decode("utf-8", errors="replace"),
    }


def check_statement(entry: AuditEntry, public_key: bytes) -> bool:
    """Whether the entry's actor signed what it says; not so where nothing is kept.

    Raises:
        AuditError: what is kept does not verify, or says something else.
    """
    try:
        details = json.loads(entry.details)
        kept = [details[name] for name in _FIELDS if name in details]
        if not kept:
            return False
        base, signature, body = kept
        evidence = Evidence(
            base=base, signature=base64.b64decode(signature), body=body.encode()
        )
        digest = details.get("digest", "")
        require_said(
            evidence, public_key, entry.actor, entry.act, entry.subject, digest
        )
    except JpkiError as error:
        raise AuditError(
            entry.sequence, f"is not what {entry.actor} signed: {error.message}"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise AuditError(
            entry.sequence, "keeps a signature that cannot be read"
        ) from None
    return True


def require_said(
    evidence: Evidence,
    public_key: bytes,
    actor: str,
    act: str,
    request: str,
    digest: str,
) -> None:
    """Say that this is what the actor signed.

    Raises:
        AuthenticationError: another key signed it, or it says something else.
        RequestError: the body is none of ours.
    """
    said = evidence.check(public_key)
    path = urlsplit(said.url).path
    if act == _REFUSED:
        right = path.endswith(f"/requests/{request}/refusal")
    else:
        body = parse_object(said.body)
        if act == _REQUESTED:
            parameters = body.get("parameters")
            if not isinstance(parameters, dict):
                raise AuthenticationError("it names no parameters")
            deed = deed_from(str(body.get("act")), parameters)
            meant, end = deed.digest.hex(), "/requests"
        else:
            meant, end = str(body.get("digest")), f"/requests/{request}/approval"
        right = path.endswith(end) and meant.lower() == digest
    if not right or (said.method, said.key_id) != ("POST", actor):
        raise AuthenticationError("it says something else")


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreements:
    """What the log says about requests and approvals."""

    entries: int
    signed: int
    """Of them: with a signature by the key in the operator's certificate."""
    problems: tuple[str, ...]


def agreements(uow: AuthorityUnitOfWork) -> Agreements:
    """Verify every signature under a request, an approval or a refusal.

    Raises:
        AuditError: a row of the log is no entry.
    """
    keys: dict[str, bytes | None] = {}
    entries, signed, problems = 0, 0, []
    for entry in uow.audit.walk():
        if entry.act not in _ACTS:
            continue
        entries += 1
        if '"signature"' not in entry.details:
            continue
        if entry.actor not in keys:
            keys[entry.actor] = _certified_key(uow, entry.actor)
        key = keys[entry.actor]
        if key is None:
            problems.append(
                f"audit entry {entry.sequence}: {entry.actor}, who signed it, has no "
                "certificate"
            )
            continue
        try:
            signed += check_statement(entry, key)
        except AuditError as error:
            problems.append(error.message)
    return Agreements(entries=entries, signed=signed, problems=tuple(problems))


def _certified_key(uow: AuthorityUnitOfWork, operator: str) -> bytes | None:
    known = uow.operators.find(operator)
    if known is None:
        return None
    certificate = uow.certificates.find(known.authority, known.serial)
    if certificate is None or certificate.certificate is None:
        return None
    try:
        return parse_certificate(certificate.certificate).public_key
    except EncodingError:
        return None
