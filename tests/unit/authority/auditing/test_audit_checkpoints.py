"""Checkpoints and proofs: what they show without the database, and what they find."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from jpki.authority import (
    Checkpoint,
    Office,
    checkpoint,
    parse_checkpoint,
    parse_proof,
    prove_certificate,
    prove_growth,
    verify_audit,
)
from jpki.authority.auditing.checkpoints import (
    KEY_MADE,
    SEALED,
    checkpoint_due,
    stored_checkpoints,
)
from jpki.authority.auditing.proofs import CertificateProof, GrowthProof, absence
from jpki.errors import AuditError, EncodingError, NotFound
from jpki.model.ports import Signer
from jpki.store import AuthorityStore
from jpki.store.audit_log import AuditLog
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    TARO,
    certified,
    new_office,
)

_LATER = FOUNDING + timedelta(days=1)


@pytest.fixture
def office(office: Office) -> Office:
    """A founded office, one certificate, one checkpoint."""
    certified(office)
    checkpoint(office, at=FOUNDING)
    return office


def _write(office: Office, count: int = 1) -> None:
    with office.store.write() as uow:
        for number in range(count):
            uow.audit.append(
                at=FOUNDING, by="test", act="test.act", subject=f"{number}"
            )
        uow.commit()


def _serial(office: Office) -> str:
    with office.store.read() as uow:
        (certificate,) = uow.certificates.of_resident(TARO.code)
    return f"{GOVERNOR}/{certificate.serial:x}"


def _drop_triggers(office: Office, *statements: str) -> None:
    """An intruder with the database's password: nothing is refused any more."""
    tables = ("audit_entry", "audit_node", "audit_key", "audit_checkpoint")
    with office.store.database.write() as connection:
        for table in tables:
            if office.store.database.is_sqlite:
                connection.execute(text(f"DROP TRIGGER {table}_no_update"))
                connection.execute(text(f"DROP TRIGGER {table}_no_delete"))
            else:
                connection.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


def _forge(
    office: Office, end: int, *, edit: int | None = None, without: tuple[str, ...] = ()
) -> None:
    """Cut the log after `end`, alter one entry or leave some out; all else fits."""
    with office.store.database.write() as connection:
        entries = [
            entry
            for entry in AuditLog(connection).walk()
            if entry.sequence <= end and entry.act not in without
        ]
        for table in ("audit_checkpoint", "audit_node", "audit_entry"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(
            text("UPDATE head SET audit_sequence = 0, audit_hash = :start"),
            {"start": bytes(32)},
        )
        log = AuditLog(connection)
        for entry in entries:
            log.append(
                at=FOUNDING,
                by="intruder" if entry.sequence == edit else entry.actor,
                act=entry.act,
                subject=entry.subject,
                details=json.loads(entry.details),
            )
        log.flush()
        connection.commit()


def _complaint(office: Office, kept: Checkpoint | None = None) -> AuditError:
    with pytest.raises(AuditError) as caught, office.store.read() as uow:
        verify_audit(uow, kept)
    return caught.value


def test_a_checkpoint_is_a_small_text_that_is_read_back(office: Office) -> None:
    """Title, entries, root, time, key, signature; written in one way only."""
    signed = checkpoint(office, at=FOUNDING)
    assert parse_checkpoint(signed.text) == signed
    signed.verify()
    with office.store.read() as uow:
        assert uow.audit.head()[0] == signed.entries + 1
        assert stored_checkpoints(uow)[-1] == signed
        assert verify_audit(uow, signed).unsigned == 0


@given(st.text(max_size=400))
def test_what_is_no_checkpoint_is_refused(hostile: str) -> None:
    """Hostile text raises our error and no other."""
    with pytest.raises(EncodingError):
        parse_checkpoint(hostile)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [*lines[:1], "entries 01", *lines[2:]],
        lambda lines: [*lines[:1], "entries 0", *lines[2:]],
        lambda lines: [*lines[:1], "entries -1", *lines[2:]],
        lambda lines: [*lines[:1], "entries 99999999999999999999", *lines[2:]],
        lambda lines: [*lines[:2], "root 00", *lines[3:]],
        lambda lines: [*lines[:4], "suite md5", *lines[5:]],
        lambda lines: [*lines, ""],
        lambda lines: lines[1:],
    ],
)
def test_a_checkpoint_in_other_words_is_refused(
    office: Office, spoil: Callable[[list[str]], list[str]]
) -> None:
    """There is one way to write it."""
    lines = checkpoint(office, at=FOUNDING).text.split("\n")
    with pytest.raises(EncodingError):
        parse_checkpoint("\n".join(spoil(lines)))


def test_checkpoints_are_made_when_due(office: Office) -> None:
    """After so many entries or so long; not where nothing happened."""
    with office.store.read() as uow:
        before = verify_audit(uow).checkpoints
    assert checkpoint_due(office, at=_LATER) is None
    _write(office)
    assert checkpoint_due(office, at=FOUNDING) is None
    made = checkpoint_due(office, at=FOUNDING + timedelta(hours=1))
    assert made is not None
    _write(office, 1000)
    again = checkpoint_due(office, at=FOUNDING + timedelta(hours=1))
    assert again is not None
    assert again.entries == made.entries + 1 + 1000
    assert again.key == made.key
    with office.store.read() as uow:
        assert verify_audit(uow).checkpoints == before + 2


def test_the_tree_keeps_up_over_many_levels(office: Office) -> None:
    """However entries come in, the stored nodes are those of the definition."""
    for count in (1, 254, 3, 700, 256, 40):
        _write(office, count)
    signed = checkpoint(office, at=FOUNDING)
    with office.store.read() as uow:
        assert verify_audit(uow, signed).entries == signed.entries + 1
        assert uow.audit.tree.root(signed.entries) == signed.root
        assert uow.audit.tree.nodes() == (signed.entries + 1) >> 8


def test_entries_about_a_certificate_are_proven(office: Office) -> None:
    """The proof travels as JSON and is checked without any database."""
    subject = _serial(office)
    _write(office, 600)
    kept = checkpoint(office, at=_LATER)
    with office.store.read() as uow:
        made = prove_certificate(uow, subject)
    read = parse_proof(json.dumps(made.to_json()).encode())
    assert isinstance(read, CertificateProof)
    assert read == made
    read.check()
    assert read.checkpoint == kept
    acts = [item.entry.act for item in read.entries]
    assert acts == ["certificate.prepared", "certificate.completed"]


@pytest.mark.parametrize("field", ["at", "actor", "act", "details", "previous"])
def test_an_altered_proof_does_not_hold(office: Office, field: str) -> None:
    """Not one field of an entry can be changed."""
    with office.store.read() as uow:
        document = json.dumps(prove_certificate(uow, _serial(office)).to_json())
    altered = json.loads(document)
    value = altered["entries"][0][field]
    altered["entries"][0][field] = ("0" if value[0] != "0" else "1") + value[1:]
    proof = parse_proof(json.dumps(altered).encode())
    with pytest.raises(AuditError):
        proof.check()


def test_a_proof_about_another_certificate_does_not_hold(office: Office) -> None:
    """Entries of one certificate cannot be shown as another's."""
    with office.store.read() as uow:
        proof = prove_certificate(uow, _serial(office))
    with pytest.raises(AuditError, match="is not about"):
        replace(proof, subject=f"{GOVERNOR}/1").check()


def test_growth_is_proven(office: Office) -> None:
    """Each later checkpoint contains the earlier one, and the proof shows it."""
    old = checkpoint(office, at=FOUNDING)
    _write(office, 300)
    new = checkpoint(office, at=_LATER)
    with office.store.read() as uow:
        made = prove_growth(uow, old)
    read = parse_proof(json.dumps(made.to_json()).encode())
    assert isinstance(read, GrowthProof)
    assert (read.old, read.checkpoint) == (old, new)
    read.check()
    with pytest.raises(AuditError):
        replace(read, old=replace(old, root=bytes(32))).check()


def test_absence_is_found_by_reading(office: Office) -> None:
    """It is said of how many entries; of what is there it is not said."""
    with office.store.read() as uow:
        nothing = absence(uow, [f"{GOVERNOR}/1"])
        assert nothing.entries == uow.audit.head()[0]
        assert nothing.to_json()["found"] is False
        with pytest.raises(AuditError):
            absence(uow, [_serial(office)])
        with pytest.raises(NotFound):
            prove_certificate(uow, f"{GOVERNOR}/1")


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"proof": "x"}', b'{"proof": 1}', b"\xff" * 9]
)
def test_what_is_no_proof_is_refused(document: bytes) -> None:
    """Hostile documents raise our error and no other."""
    with pytest.raises(EncodingError):
        parse_proof(document)


def test_a_cut_with_a_matching_head_is_shown_by_the_checkpoint_inside(
    office: Office,
) -> None:
    """Who rewrites the head must also take the checkpoint out."""
    signed = checkpoint(office, at=FOUNDING)
    _drop_triggers(office, "CREATE TABLE kept AS SELECT * FROM audit_checkpoint")
    _forge(office, signed.entries - 3)
    with office.store.database.write() as connection:
        connection.execute(text("INSERT INTO audit_checkpoint SELECT * FROM kept"))
        connection.commit()
    error = _complaint(office)
    assert error.sequence == signed.entries - 2
    assert "is missing" in error.reason


def test_a_cut_with_nothing_left_inside_is_shown_by_the_one_kept(
    office: Office,
) -> None:
    """A database cannot tell on its own; the checkpoint from elsewhere does."""
    signed = checkpoint(office, at=FOUNDING)
    _drop_triggers(office)
    _forge(office, signed.entries - 3, without=(KEY_MADE, SEALED))
    with office.store.database.write() as connection:
        connection.execute(text("DELETE FROM audit_key"))
        connection.commit()
    with office.store.read() as uow:
        left = verify_audit(uow).entries
    error = _complaint(office, signed)
    assert error.sequence == left + 1


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM audit_checkpoint WHERE entries = :newest", "was taken out"),
        ("DELETE FROM audit_checkpoint WHERE entries < :newest", "was taken out"),
        ("DELETE FROM audit_checkpoint WHERE entries > 0 OR :newest = 0", "taken out"),
        (
            "INSERT INTO audit_checkpoint SELECT entries, root, at, key, signature"
            " FROM another WHERE :newest > 0",
            "the log does not have",
        ),
        (
            "UPDATE audit_checkpoint SET at = another.at, root = another.root,"
            " signature = another.signature FROM another"
            " WHERE audit_checkpoint.entries = :newest",
            "another checkpoint than is there",
        ),
        ("UPDATE audit_key SET key_uri = 'file:/mine' WHERE :newest > 0", "altered"),
        (
            "UPDATE audit_key SET made_at = '2020-01-01 00:00:00' WHERE :newest > 0",
            "altered since",
        ),
    ],
)
def test_a_checkpoint_cannot_be_taken_out_or_put_in_alone(
    office: Office, statement: str, reason: str
) -> None:
    """Nobody keeps one elsewhere; the log itself says which there are, and of whom."""
    _write(office, 20)
    newest = checkpoint(office, at=_LATER)
    _write(office, 5)
    key = _key_of_the_log(office)
    other = replace(newest, at="2014-10-05T00:00:00Z")
    if "INSERT" in statement:
        with office.store.read() as uow:
            other = replace(other, entries=newest.entries + 3)
            other = replace(other, root=uow.audit.tree.root(other.entries))
    other = replace(other, signature=key.sign(other.body))
    _drop_triggers(
        office, "CREATE TABLE another AS SELECT * FROM audit_checkpoint WHERE 1 = 0"
    )
    with office.store.database.write() as connection:
        connection.execute(
            text("INSERT INTO another VALUES (:entries, :root, :at, :key, :signature)"),
            {
                "entries": other.entries,
                "root": other.root,
                "at": other.at,
                "key": other.key,
                "signature": other.signature,
            },
        )
        connection.execute(text(statement), {"newest": newest.entries})
        connection.commit()
    assert reason in _complaint(office).reason


def _key_of_the_log(office: Office) -> Signer:
    """Stolen, to sign what looks right."""
    with office.store.read() as uow:
        (key,) = uow.audit.tree.signing_keys()
    return office.keyring.open(key.key_uri)


def test_a_consistently_rewritten_past_is_located_between_checkpoints(
    office: Office,
) -> None:
    """Chain, tree and head fit one another, but not what was signed."""
    first = checkpoint(office, at=FOUNDING)
    _write(office, 20)
    second = checkpoint(office, at=_LATER)
    _write(office, 5)
    _drop_triggers(office, "CREATE TABLE kept AS SELECT * FROM audit_checkpoint")
    _forge(office, second.entries + 5, edit=first.entries + 7)
    with office.store.database.write() as connection:
        connection.execute(text("INSERT INTO audit_checkpoint SELECT * FROM kept"))
        connection.commit()
    error = _complaint(office)
    assert error.sequence == first.entries + 1
    assert f"up to {second.entries}" in error.reason
    # Nor is anything signed over it.
    with pytest.raises(AuditError):
        checkpoint(office, at=_LATER)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit_checkpoint SET signature = root", "does not verify"),
        ("UPDATE audit_checkpoint SET at = '2015-01-01T00:00:00Z'", "not verify"),
        ("UPDATE audit_checkpoint SET root = :zero", "does not verify"),
        ("UPDATE audit_checkpoint SET entries = entries + 9000", "does not verify"),
        ("UPDATE audit_key SET suite = 'md5'", "does not verify"),
        ("UPDATE audit_key SET public_key = :zero", "a key of another name"),
        ("UPDATE audit_node SET hash = :zero", "not what the tree holds"),
        ("DELETE FROM audit_node", "not what the tree holds"),
        ("INSERT INTO audit_node VALUES (8, 7, :zero)", "the tree has a node"),
    ],
)
def test_tree_and_checkpoints_cannot_be_altered(
    office: Office, statement: str, reason: str
) -> None:
    """What stands beside the log is checked as the log is."""
    _write(office, 300)
    checkpoint(office, at=_LATER)
    _drop_triggers(office)
    with office.store.database.write() as connection:
        connection.execute(
            text(statement), {"zero": bytes(32)} if ":zero" in statement else {}
        )
        connection.commit()
    assert reason in _complaint(office).reason


def test_a_checkpoint_of_another_log_is_told(office: Office, tmp_path: Path) -> None:
    """It has another past, or at least another key."""
    store = AuthorityStore(f"sqlite:///{tmp_path}/other.db")
    store.migrate()
    other = checkpoint(new_office(store), at=FOUNDING)
    store.close()
    assert (_complaint(office, other).sequence or 0) <= other.entries
    mine = checkpoint(office, at=FOUNDING)
    theirs = replace(other, entries=mine.entries, root=mine.root)
    assert "does not verify" in _complaint(office, theirs).reason
