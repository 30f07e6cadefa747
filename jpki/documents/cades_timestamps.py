"""The timestamps on a CMS signature (ETSI EN 319 122-1 5.3, 5.5), read and compared.

One that cannot be read, or is over something else, becomes a note: it proves nothing,
and takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from jpki.der import oids
from jpki.documents.archive_imprint import (
    archived_octets,
    attribute_digest,
    check_index,
    read_index,
)
from jpki.documents.signature import Timestamp
from jpki.documents.signed_data import SignedDocument, SignerInfo
from jpki.documents.signer_checks import digest_of
from jpki.documents.timestamps import check_token, parse_token, read_token
from jpki.errors import DocumentError, EncodingError

__all__ = ["MAX_TIMESTAMPS", "timestamps_on"]

MAX_TIMESTAMPS: Final = 16
"""Of each kind. An archive timestamp every five years lasts for 80 years."""

_NOT_UNDERSTOOD: Final = {
    "1.2.840.113549.1.9.16.2.25": "CAdES-C-timestamp",
    "1.2.840.113549.1.9.16.2.26": "certificates and CRLs timestamp",
    "1.2.840.113549.1.9.16.2.27": "archive-time-stamp",
    "1.2.840.113549.1.9.16.2.48": "archive-time-stamp-v2",
}
"""Older kinds (RFC 5126), which nothing here compares."""

T = TypeVar("T")
_Held = tuple[str, bytes]
"""One value of an unsigned attribute, its type before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Archive:
    """An archive timestamp whose imprint is right, and what its index names."""

    value: bytes
    stamp: Timestamp
    attributes: frozenset[bytes]

    def covers(self, oid: str, value: bytes) -> bool:
        """Whether a value of an unsigned attribute is in the index."""
        digest = digest_of(self.stamp.imprint_digest)
        return attribute_digest(digest, oid, value) in self.attributes


def timestamps_on(
    signed: SignedDocument, signer: SignerInfo, content: bytes
) -> tuple[tuple[Timestamp, ...], tuple[str, ...]]:
    """The timestamps from the innermost out, and notes on what is none.

    Args:
        content: what was signed, from inside or handed in.
    """
    notes = [
        f"{name}: not looked at"
        for oid, name in _NOT_UNDERSTOOD.items()
        if oid in signer.unsigned_attributes
    ]
    known = signed.certificates
    inner = list[tuple[bytes, Timestamp]]()
    for value in _values(signer, oids.SIGNATURE_TIMESTAMP, notes):
        read = partial(read_token, value, signer.signature, known)
        stamp = _tried(read, "signature timestamp", notes)
        if stamp is not None:
            inner.append((value, stamp))
    archives = list[_Archive]()
    for value in _values(signer, oids.ARCHIVE_TIMESTAMP_V3, notes):
        compare = partial(_archive, value, signed, signer, content)
        archive = _tried(compare, "archive timestamp", notes)
        if archive is not None:
            archives.append(archive)
    # Those on the signature value cover it and nothing of one another.
    found = [
        replace(stamp, beside=number > 0) for number, (_, stamp) in enumerate(inner)
    ]
    before = set[_Held]()
    beside: set[_Held] = {(oids.SIGNATURE_TIMESTAMP, value) for value, _ in inner}
    for archive in _outward(archives):
        missing = {held for held in before | beside if not archive.covers(*held)}
        if missing & before:
            notes.append(
                f"archive timestamp of {archive.stamp.at:%Y-%m-%dT%H:%M:%SZ}: "
                "it does not cover a timestamp before it"
            )
            continue
        # Whoever slips in a timestamp that was not there takes nothing from those that
        # could not cover it: it stands beside them.
        found.append(replace(archive.stamp, beside=bool(missing)))
        if not missing:
            before |= beside
            beside = set()
        beside.add((oids.ARCHIVE_TIMESTAMP_V3, archive.value))
    return tuple(found), tuple(notes)


def _outward(archives: list[_Archive]) -> list[_Archive]:
    """Who covers more comes later, whatever time it tells."""

    def covered(archive: _Archive) -> int:
        return sum(
            archive.covers(oids.ARCHIVE_TIMESTAMP_V3, other.value) for other in archives
        )

    return sorted(archives, key=lambda each: (covered(each), each.stamp.at))


def _values(signer: SignerInfo, oid: str, notes: list[str]) -> tuple[bytes, ...]:
    values = signer.unsigned_attributes.get(oid, ())
    if len(values) > MAX_TIMESTAMPS:
        notes.append(f"more than {MAX_TIMESTAMPS} timestamps; some left out")
    return values[:MAX_TIMESTAMPS]


def _tried(read: Callable[[], T], what: str, notes: list[str]) -> T | None:
    try:
        return read()
    except (DocumentError, EncodingError) as error:
        notes.append(f"{what}: {error.message}")
        return None


def _archive(
    token: bytes, signed: SignedDocument, signer: SignerInfo, content: bytes
) -> _Archive:
    read = parse_token(token)
    indexes = read.signed.signers[0].unsigned_attributes.get(oids.ATS_HASH_INDEX_V3)
    if indexes is None or len(indexes) != 1:
        raise DocumentError("it lacks the hash index")
    index = read_index(indexes[0])
    # 5.5.2: one digest for the imprint and the index.
    if index.digest_oid != read.info.imprint.digest_oid:
        raise DocumentError("its index is of another digest than its imprint")
    digest = digest_of(index.digest_oid)
    check_index(index, signed, signer, digest)
    covered = archived_octets(signed, signer, content, digest, indexes[0])
    return _Archive(
        value=token,
        stamp=check_token(read, covered, signed.certificates),
        attributes=frozenset(index.attributes),
    )
