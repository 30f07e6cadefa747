"""Lines of the revocation journal outside the database: JSON, each with a checksum.

A line says enough to be taken back into an older database: the revocation, and the
certificate it is about, which that database may never have seen. `sha256` is over the
rest of the line, which has the checksum of the line before it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from jpki.errors import EncodingError
from jpki.model.revocation import RevocationReason
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    CertificateState,
    CRLRecord,
    JournalEntry,
)

__all__ = [
    "FIRST",
    "LineKind",
    "OutsideLine",
    "list_line",
    "list_of",
    "parse_line",
    "revocation_line",
    "revocation_of",
    "write_line",
]

FIRST: Final = "0" * 64
"""What the first line names as the checksum of the line before it."""

_REASONS: Final = {reason.label: reason for reason in RevocationReason}
_write = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":")
).encode


class LineKind(Enum):
    """What a line tells."""

    REVOCATION = "revocation"
    LIST = "list"
    """A CRL number is about to be used."""
    RESTORED = "restored"
    """The database was brought up to the line before; its journal goes on from here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutsideLine:
    """One line, numbered from 1."""

    number: int
    kind: LineKind
    position: int
    """Of the database's journal, up to which these lines tell everything."""
    newest: str | None
    """The certificate at this position, as the audit log names it."""
    content: Mapping[str, Any]
    previous: str
    sha256: str = ""


def write_line(line: OutsideLine) -> tuple[bytes, str]:
    """The octets with their line feed, and the checksum."""
    fields = {
        "line": line.number,
        "kind": line.kind.value,
        "position": line.position,
        "newest": line.newest,
        "content": line.content,
        "previous": line.previous,
    }
    checksum = hashlib.sha256(_write(fields).encode()).hexdigest()
    return f"{_write({**fields, 'sha256': checksum})}\n".encode(), checksum


def parse_line(octets: bytes) -> OutsideLine:
    """Read one line.

    Raises:
        EncodingError: it is not one, or was altered.
    """
    try:
        fields = json.loads(octets)
        line = OutsideLine(
            number=_whole(fields["line"]),
            kind=LineKind(fields["kind"]),
            position=_whole(fields["position"]),
            newest=fields["newest"],
            content=dict(fields["content"]),
            previous=str(fields["previous"]),
            sha256=str(fields["sha256"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EncodingError("not a line of a revocation journal") from error
    if write_line(line) != (octets, line.sha256):
        raise EncodingError(f"line {line.number} was altered")
    return line


def revocation_line(
    entry: JournalEntry, certificate: CertificateRecord
) -> Mapping[str, Any]:
    """The content of a line about a revocation."""
    return {
        "authority": entry.authority,
        "serial": f"{entry.serial:x}",
        "revoked_at": _instant(entry.revoked_at),
        "reason": entry.reason.label,
        "invalidity_date": _instant(entry.invalidity_date),
        "ground": entry.ground,
        "event": entry.event_id,
        "actor": entry.actor,
        "certificate": {
            "generation": certificate.generation,
            "kind": certificate.kind.value,
            "profile": certificate.profile,
            "subject_key": certificate.subject_key.hex(),
            "not_before": _instant(certificate.not_before),
            "not_after": _instant(certificate.not_after),
            "prepared_at": _instant(certificate.prepared_at),
            "prepared_by": certificate.prepared_by,
            "completed_at": _instant(certificate.completed_at),
            "tbs": _base64(certificate.tbs),
            "certificate": _base64(certificate.certificate),
        },
    }


def revocation_of(line: OutsideLine) -> tuple[JournalEntry, CertificateRecord]:
    """What a line about a revocation tells; the certificate without its applicant.

    One whose signature the line does not hold counts as abandoned: whether it exists
    nobody knows.

    Raises:
        EncodingError: the line tells something else.
    """
    content = line.content
    try:
        authority, serial = str(content["authority"]), int(content["serial"], 16)
        entry = JournalEntry(
            position=line.position,
            authority=authority,
            serial=serial,
            revoked_at=_at(content["revoked_at"]),
            reason=_REASONS[content["reason"]],
            invalidity_date=_perhaps_at(content["invalidity_date"]),
            ground=str(content["ground"]),
            event_id=content["event"],
            actor=str(content["actor"]),
        )
        about = content["certificate"]
        signed = _octets(about["certificate"])
        certificate = CertificateRecord(
            authority=authority,
            serial=serial,
            generation=_whole(about["generation"]),
            kind=CertificateKind(about["kind"]),
            profile=str(about["profile"]),
            state=(
                CertificateState.ISSUED
                if signed is not None
                else CertificateState.ABANDONED
            ),
            subject_key=bytes.fromhex(about["subject_key"]),
            not_before=_at(about["not_before"]),
            not_after=_at(about["not_after"]),
            prepared_at=_at(about["prepared_at"]),
            prepared_by=str(about["prepared_by"]),
            completed_at=_perhaps_at(about["completed_at"]),
            tbs=_octets(about["tbs"]),
            certificate=signed,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncodingError(f"line {line.number} tells of no revocation") from error
    return entry, certificate


def list_line(record: CRLRecord) -> Mapping[str, Any]:
    """The content of a line about a CRL number."""
    return {
        "authority": record.authority,
        "number": record.number,
        "generation": record.generation,
        "scope": record.scope,
        "this_update": _instant(record.this_update),
        "next_update": _instant(record.next_update),
    }


def list_of(line: OutsideLine) -> tuple[str, int]:
    """Authority and number, from a line about a CRL number.

    Raises:
        EncodingError: the line tells something else.
    """
    try:
        return str(line.content["authority"]), _whole(line.content["number"])
    except (ValueError, KeyError) as error:
        raise EncodingError(f"line {line.number} tells of no CRL") from error


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _perhaps_at(text: str | None) -> datetime | None:
    return None if text is None else _at(text)


def _at(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant without zone")
    return at.astimezone(UTC)


def _base64(octets: bytes | None) -> str | None:
    return None if octets is None else base64.b64encode(octets).decode()


def _octets(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)


def _whole(number: object) -> int:
    if type(number) is not int or number < 0:
        raise ValueError("not a whole number")
    return number
