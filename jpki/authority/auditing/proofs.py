"""Proofs from the audit log that are checked without it (RFC 9162 section 2.1).

One kind shows that the entries about a certificate stand in the log under a signed
head; the other that one signed head grew from an earlier one. That something is *not*
in the log no such tree can show: `absence` reads every entry, and whoever wants to be
sure must do the same under the same head.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jpki.authority.auditing.checkpoints import (
    Checkpoint,
    parse_checkpoint,
    stored_checkpoints,
)
from jpki.authority.auditing.examining import verify_audit
from jpki.errors import AuditError, EncodingError, NotFound, RequestError
from jpki.model.merkle import MAX_PATH, leaf_hash, root_from_path, verify_consistency
from jpki.store import AuthorityUnitOfWork
from jpki.store.audit_log import entry_hash
from jpki.store.authority_records import AuditEntry
from jpki.strict_json import Fields, parse_object

__all__ = [
    "MAX_PROOF",
    "Absence",
    "CertificateProof",
    "EntryProof",
    "GrowthProof",
    "absence",
    "parse_proof",
    "prove_certificate",
    "prove_growth",
]

MAX_PROOF: Final = 4 * 1024 * 1024
"""Octets. A certificate has a handful of entries, of some 2 KiB each with its path."""

_MAX_ENTRIES: Final = 1000
_HASH: Final = 32
_TEXTS: Final = ("at", "actor", "act", "subject", "details")


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryProof:
    """One entry, and what joins it to the head."""

    entry: AuditEntry
    path: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateProof:
    """Every entry about one certificate that a checkpoint covers."""

    subject: str
    """The certificate as the log names it, such as `governor-08/4f00…`."""
    entries: tuple[EntryProof, ...]
    checkpoint: Checkpoint

    def to_json(self) -> dict[str, object]:
        """The document that `parse_proof` reads."""
        return {
            "proof": "certificate",
            "subject": self.subject,
            "entries": [_entry_json(item) for item in self.entries],
            "checkpoint": self.checkpoint.text,
        }

    def check(self) -> None:
        """Check every path and the signature; whose key signed, the reader judges.

        Raises:
            AuditError: an entry is not what was signed; says which.
        """
        for item in self.entries:
            entry = item.entry
            if entry.subject != self.subject:
                raise AuditError(entry.sequence, f"is not about {self.subject}")
            root = root_from_path(
                leaf_hash(entry.hash),
                entry.sequence - 1,
                self.checkpoint.entries,
                item.path,
            )
            if root != self.checkpoint.root:
                raise AuditError(entry.sequence, "is not under the signed head")
        self.checkpoint.verify()


@dataclass(frozen=True, kw_only=True, slots=True)
class GrowthProof:
    """An earlier checkpoint's log is the beginning of a later one's."""

    old: Checkpoint
    checkpoint: Checkpoint
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, object]:
        """The document that `parse_proof` reads."""
        return {
            "proof": "growth",
            "old": self.old.text,
            "path": [hash_.hex() for hash_ in self.path],
            "checkpoint": self.checkpoint.text,
        }

    def check(self) -> None:
        """Check the path, both signatures, and that one key made them.

        Raises:
            AuditError: the later log does not begin with the earlier one.
        """
        old, new = self.old, self.checkpoint
        if not verify_consistency(
            old.entries, old.root, new.entries, new.root, self.path
        ):
            raise AuditError(
                old.entries, "or one before it is another in the later checkpoint"
            )
        if old.key != new.key:
            raise AuditError(new.entries, "ends a checkpoint by another key")
        old.verify()
        new.verify()


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """Nothing about a certificate was found by reading the whole log."""

    subjects: tuple[str, ...]
    """Every name that it could have."""
    entries: int
    """How many were read; each link and each checkpoint agreed."""
    root: str

    def to_json(self) -> dict[str, object]:
        """For a program; there is nothing here to check without the log."""
        return {
            "proof": "none",
            "subjects": list(self.subjects),
            "found": False,
            "entries_read": self.entries,
            "root": self.root,
            "says": "no entry of this log is about this certificate; this was found "
            "by reading all of them, and can be confirmed only in the same way",
        }


def prove_certificate(uow: AuthorityUnitOfWork, subject: str) -> CertificateProof:
    """The entries about a certificate, under the newest checkpoint.

    Raises:
        NotFound: no entry is about it, or no checkpoint covers one yet.
    """
    entries = uow.audit.of_subject(subject)
    if not entries:
        raise NotFound("audit entry about", subject)
    newest = _newest(uow)
    covered = [entry for entry in entries if entry.sequence <= newest.entries]
    if not covered:
        raise NotFound("checkpoint over", subject)
    proof = CertificateProof(
        subject=subject,
        entries=tuple(
            EntryProof(
                entry=entry,
                path=uow.audit.tree.inclusion(entry.sequence, newest.entries),
            )
            for entry in covered
        ),
        checkpoint=newest,
    )
    proof.check()
    return proof


def prove_growth(uow: AuthorityUnitOfWork, old: Checkpoint) -> GrowthProof:
    """That the log as it was signed last has grown from an earlier checkpoint.

    Raises:
        AuditError: it has not.
        NotFound: no checkpoint was ever made.
    """
    newest = _newest(uow)
    if old.entries > newest.entries:
        raise AuditError(
            newest.entries + 1, f"is missing, with all up to {old.entries}"
        )
    proof = GrowthProof(
        old=old,
        checkpoint=newest,
        path=uow.audit.tree.consistency(old.entries, newest.entries),
    )
    proof.check()
    return proof


def absence(uow: AuthorityUnitOfWork, subjects: Sequence[str]) -> Absence:
    """Read the whole log for a certificate it does not mention.

    Raises:
        AuditError: an entry mentions it after all, or the log does not verify.
    """
    summary = verify_audit(uow)
    sought = frozenset(subjects)
    for entry in uow.audit.walk():
        for name in sought.intersection((entry.subject, *_named(entry.details))):
            raise AuditError(entry.sequence, f"is about {name}")
    return Absence(subjects=tuple(subjects), entries=summary.entries, root=summary.root)


def _named(details: str) -> tuple[str, ...]:
    """Everything that an entry's details name, such as an application's certificate."""
    try:
        read = json.loads(details)
    except ValueError:
        return ()
    values = read.values() if isinstance(read, dict) else ()
    return tuple(value for value in values if isinstance(value, str))


def _newest(uow: AuthorityUnitOfWork) -> Checkpoint:
    checkpoints = stored_checkpoints(uow)
    if not checkpoints:
        raise NotFound("checkpoint of", "the audit log")
    return checkpoints[-1]


# -- as documents ---------------------------------------------------------------------


def _entry_json(item: EntryProof) -> Mapping[str, object]:
    entry = item.entry
    return {
        "sequence": entry.sequence,
        **{name: getattr(entry, name) for name in _TEXTS},
        "previous": entry.previous.hex(),
        "path": [hash_.hex() for hash_ in item.path],
    }


def parse_proof(document: bytes) -> CertificateProof | GrowthProof:
    """Read a proof; `check` it before believing it.

    Raises:
        EncodingError: it is none.
    """
    if len(document) > MAX_PROOF:
        raise EncodingError(f"a proof of {len(document)} octets")
    try:
        fields = Fields(parse_object(document), "the proof")
        kind = fields.need("proof", str, str)
        checkpoint = fields.need("checkpoint", str, parse_checkpoint)
        proof: CertificateProof | GrowthProof
        if kind == "growth":
            proof = GrowthProof(
                old=fields.need("old", str, parse_checkpoint),
                checkpoint=checkpoint,
                path=fields.need("path", list, _path),
            )
        elif kind == "certificate":
            proof = CertificateProof(
                subject=fields.need("subject", str, str),
                entries=fields.need("entries", list, _entries),
                checkpoint=checkpoint,
            )
        else:
            raise EncodingError(f"a proof of kind {kind!r}")
        fields.done()
    except RequestError as error:
        raise EncodingError(error.message) from None
    return proof


def _entries(values: list[Any]) -> tuple[EntryProof, ...]:
    if not 0 < len(values) <= _MAX_ENTRIES:
        raise EncodingError(f"a proof of {len(values)} entries")
    return tuple(_entry(value) for value in values)


def _entry(value: object) -> EntryProof:
    fields = Fields(value, "an entry")
    sequence = fields.need("sequence", int, _sequence)
    texts = {name: fields.need(name, str, _text) for name in _TEXTS}
    previous = fields.need("previous", str, _hash)
    path = fields.need("path", list, _path)
    fields.done()
    return EntryProof(
        entry=AuditEntry(
            sequence=sequence,
            previous=previous,
            hash=entry_hash(previous, sequence, **texts),
            **texts,
        ),
        path=path,
    )


def _sequence(value: int) -> int:
    if not 0 < value < 1 << 63:
        raise ValueError("not a position in the log")
    return value


def _text(value: str) -> str:
    value.encode()  # a lone surrogate cannot have been hashed
    return value


def _hash(value: object) -> bytes:
    octets = bytes.fromhex(value) if isinstance(value, str) else b""
    if len(octets) != _HASH:
        raise ValueError("not a hash")
    return octets


def _path(values: list[Any]) -> tuple[bytes, ...]:
    if len(values) > MAX_PATH + 1:
        raise ValueError("a path longer than any tree is high")
    return tuple(_hash(value) for value in values)
