"""Checkpoints of the audit log: signed heads of its Merkle tree, for keeping elsewhere.

A checkpoint says: so many entries, with this head, at this time. Who keeps one can tell
any later change of those entries, whoever made it and however consistently: neither the
database nor its keys can make the same head from other entries.

Checkpoints are made every so many entries and every so often, in the transaction whose
entries they cover. The log has a key of its own, of today's making whatever era the
authorities work in, so that its signatures can be mistaken for nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from jpki.authority.office import Office, whole_second
from jpki.errors import AuditError, EncodingError, KeyProviderError, StoreError
from jpki.model.suites import SUITES, suite
from jpki.store import AuthorityUnitOfWork
from jpki.store.audit_log import written_instant
from jpki.store.audit_tree import SignedHead
from jpki.store.authority_records import AuditKeyRecord, CheckpointRecord
from jpki.x509.signatures import verify_signature

__all__ = [
    "KEY_MADE",
    "SEALED",
    "Checkpoint",
    "checkpoint",
    "checkpoint_due",
    "key_details",
    "parse_checkpoint",
    "seal_details",
    "seal_if_due",
    "stored_checkpoints",
]

EVERY_ENTRIES: Final = 1000
EVERY: Final = timedelta(hours=1)
"""A checkpoint is due after so many entries, or this long after the last."""

KEY_MADE: Final = "audit.key-made"
"""The act under which the log records its own keys."""
SEALED: Final = "audit.sealed"
"""The act under which it records its checkpoints: the entry right after what is signed,
so that a checkpoint cannot be taken out alone."""

_LOG: Final = "audit"
_SUITE: Final = suite("p256-sha256")
_TITLE: Final = "jpki audit checkpoint 1"
_MAX_TEXT: Final = 16 * 1024
_MAX_ENTRIES: Final = 1 << 63


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A signed head; `verify` it before believing it."""

    entries: int
    root: bytes
    at: str
    """ISO 8601, UTC, exactly as it was signed."""
    suite: str
    public_key: bytes
    """SubjectPublicKeyInfo, DER."""
    signature: bytes

    @property
    def key(self) -> str:
        """By which an auditor knows the log's key: SHA-256, hex."""
        return hashlib.sha256(self.public_key).hexdigest()

    @property
    def body(self) -> bytes:
        """What is signed."""
        return (
            f"{_TITLE}\n"
            f"entries {self.entries}\n"
            f"root {self.root.hex()}\n"
            f"at {self.at}\n"
            f"suite {self.suite}\n"
            f"key {_base64(self.public_key)}\n"
        ).encode()

    @property
    def text(self) -> str:
        """The checkpoint as a small file; `parse_checkpoint` reads it back."""
        return f"{self.body.decode()}signature {_base64(self.signature)}\n"

    def verify(self) -> None:
        """Check the signature; whose key it is, only the reader can know.

        Raises:
            AuditError: it does not verify.
        """
        known = SUITES.get(self.suite)
        try:
            verifies = known is not None and verify_signature(
                self.public_key, known.algorithm_identifier, self.signature, self.body
            )
        except EncodingError:
            verifies = False
        if not verifies:
            raise AuditError(
                self.entries, "ends a checkpoint whose signature does not verify"
            )


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's file, character by character as it was written.

    Raises:
        EncodingError: it is none.
    """
    lines = text[: _MAX_TEXT + 1].split("\n")
    names = ("entries", "root", "at", "suite", "key", "signature")
    if len(text) > _MAX_TEXT or len(lines) != 8 or lines[0] != _TITLE or lines[7]:
        raise EncodingError("not a checkpoint of the audit log")
    values = {}
    for name, line in zip(names, lines[1:], strict=False):
        found, _, values[name] = line.partition(" ")
        if found != name:
            raise EncodingError(f"a checkpoint without {name}")
    try:
        read = Checkpoint(
            entries=int(values["entries"]),
            root=bytes.fromhex(values["root"]),
            at=values["at"],
            suite=values["suite"],
            public_key=base64.b64decode(values["key"], validate=True),
            signature=base64.b64decode(values["signature"], validate=True),
        )
    except ValueError:
        raise EncodingError("a checkpoint with an unreadable value") from None
    if not 0 < read.entries < _MAX_ENTRIES or len(read.root) != 32:
        raise EncodingError("a checkpoint of an impossible tree")
    if read.suite not in SUITES or read.text != text:
        raise EncodingError("a checkpoint written in another way")
    return read


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def stored_checkpoints(uow: AuthorityUnitOfWork) -> tuple[Checkpoint, ...]:
    """All checkpoints that the database holds, shortest first; not verified.

    Raises:
        AuditError: one cannot be read; says which.
    """
    return tuple(_read(head) for head in uow.audit.tree.checkpoints())


def _read(head: SignedHead) -> Checkpoint:
    entry = head.record
    read = Checkpoint(
        entries=entry.entries,
        root=entry.root,
        at=entry.at,
        suite=head.suite,
        public_key=head.public_key,
        signature=entry.signature,
    )
    if read.key != entry.key:
        raise AuditError(entry.entries, "ends a checkpoint by a key of another name")
    return read


def checkpoint(office: Office, *, at: datetime) -> Checkpoint:
    """Sign the log as it is now; the newest checkpoint if it covers everything.

    Raises:
        AuditError: the log no longer has the head that was signed before.
        KeyProviderError: the log's key cannot be used.
    """
    with office.store.write() as uow:
        sealed = _seal(office, uow, whole_second(at))
        uow.commit()
    office.step("audit.sealed")
    return sealed


def checkpoint_due(office: Office, *, at: datetime) -> Checkpoint | None:
    """The same, where there is something new and the time has come.

    Raises:
        AuditError, KeyProviderError: as above.
    """
    with office.store.read() as uow:
        if not _is_due(uow, at):
            return None
    return checkpoint(office, at=at)


def seal_if_due(office: Office, uow: AuthorityUnitOfWork, at: datetime) -> None:
    """Make a checkpoint part of this transaction, if one is due.

    What the transaction does is not held up by a log that cannot be signed: that is
    told to whoever asks for a checkpoint or examines the log.
    """
    if _is_due(uow, at):
        with suppress(AuditError, KeyProviderError, StoreError):
            _seal(office, uow, at)


def _is_due(uow: AuthorityUnitOfWork, at: datetime) -> bool:
    entries, _ = uow.audit.head()
    try:
        newest = uow.audit.tree.newest()
        if newest is None:
            return entries > 0
        new = entries - newest.record.entries - _own_entry(uow, newest.record.entries)
        last = datetime.fromisoformat(newest.record.at)
        return new >= EVERY_ENTRIES or (new > 0 and at - last >= EVERY)
    except (AuditError, ValueError, TypeError):
        return True  # somebody altered it: for whoever seals to find out and tell


def _seal(office: Office, uow: AuthorityUnitOfWork, at: datetime) -> Checkpoint:
    tree = uow.audit.tree
    signed = tree.newest()
    newest = None if signed is None else _read(signed)
    # An attacker who rewrote the past shall not get a signature under it.
    if newest is not None and tree.root(newest.entries) != newest.root:
        raise AuditError(
            newest.entries, "or one before it is not what the last checkpoint signed"
        )
    keys = tree.signing_keys()
    key = keys[-1] if keys else _new_key(office, uow, at)
    entries, _ = uow.audit.head()
    if newest is not None and (
        newest.entries + _own_entry(uow, newest.entries) == entries
    ):
        return newest
    unsigned = Checkpoint(
        entries=entries,
        root=uow.audit.tree.root(entries),
        at=written_instant(at),
        suite=key.suite,
        public_key=key.public_key,
        signature=b"",
    )
    sealed = replace(
        unsigned, signature=office.keyring.open(key.key_uri).sign(unsigned.body)
    )
    tree.add_checkpoint(
        CheckpointRecord(
            entries=sealed.entries,
            root=sealed.root,
            at=sealed.at,
            key=key.id,
            signature=sealed.signature,
        )
    )
    uow.audit.append(
        at=at,
        by=_LOG,
        act=SEALED,
        subject=_subject(sealed.entries),
        details=seal_details(sealed),
    )
    return sealed


def _subject(entries: int) -> str:
    return f"checkpoint/{entries}"


def _own_entry(uow: AuthorityUnitOfWork, entries: int) -> int:
    """1 where the log has an entry about the checkpoint over so many; it is no news."""
    return int(bool(uow.audit.of_subject(_subject(entries))))


def seal_details(sealed: Checkpoint) -> Mapping[str, str | int]:
    """What the log says of a checkpoint."""
    digest = hashlib.sha256(sealed.text.encode()).hexdigest()
    return {"entries": sealed.entries, "sha256": digest}


def key_details(key: AuditKeyRecord) -> Mapping[str, str]:
    """What the log says of a key of its own."""
    made = written_instant(key.made_at)
    return {"suite": key.suite, "key_uri": key.key_uri, "made_at": made}


def _new_key(office: Office, uow: AuthorityUnitOfWork, at: datetime) -> AuditKeyRecord:
    uri, signer = office.keyring.generate(_SUITE, f"audit-{office.random(8).hex()}")
    key = AuditKeyRecord(
        id=hashlib.sha256(signer.public_key).hexdigest(),
        suite=_SUITE.id,
        key_uri=uri,
        public_key=signer.public_key,
        made_at=at,
    )
    uow.audit.tree.add_key(key)
    uow.audit.append(
        at=at, by=_LOG, act=KEY_MADE, subject=key.id, details=key_details(key)
    )
    return key
