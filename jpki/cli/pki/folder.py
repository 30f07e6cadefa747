"""A folder that is there as a whole or not at all, and the files of a PKI in it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from jpki.authority.office.identifiers import national_id
from jpki.cli.pki.building import Piece
from jpki.cli.pki.keys import MadeKey
from jpki.cli.pki.manifest import FILE_NAME, Entry, Manifest
from jpki.cli.pki.plan import Plan
from jpki.data.authority_names import Topology
from jpki.errors import ConfigurationError
from jpki.model.purposes import Purpose
from jpki.model.suites import SuiteId
from jpki.x509.general_names import DirectoryName
from jpki.x509.names import rfc4514
from jpki.x509.parse import Certificate, parse_certificate, parse_crl
from jpki.x509.pem import pem

__all__ = ["PASSPHRASE", "new_folder", "write_pki"]

PASSPHRASE: Final = "keys/passphrase.txt"

_FOLDERS: Final = {
    "authority": "authorities",
    "cross": "cross",
    "link": "links",
    "signature": "subscribers",
    "authentication": "subscribers",
    "crl": "crls",
    "arl": "crls",
}

_NATIONAL: Final = frozenset(map(national_id, Purpose))
"""Their names end with the agency, which both have in common."""


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A draft beside the target, put in its place at the end, or removed.

    Raises:
        ConfigurationError: the target holds something, or cannot be made.
    """
    draft = target.absolute().with_name(f".{target.absolute().name}.{os.getpid()}.new")
    try:
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise ConfigurationError(
                str(target),
                "--out",
                "is there already and not an empty folder",
                hint="choose another name; nothing is ever overwritten",
            )
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
    except OSError as error:
        reason = error.strerror or "cannot be written"
        raise ConfigurationError(str(target), "--out", reason) from None
    try:
        yield draft
        # Onto an empty folder a rename is allowed, onto any other it fails.
        draft.rename(target.absolute())
    except OSError as error:
        reason = error.strerror or "cannot be written"
        raise ConfigurationError(str(target), "--out", reason) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_pki(
    folder: Path,
    plan: Plan,
    topology: Topology,
    pieces: Iterable[Piece],
    keys: Mapping[str, MadeKey],
    passphrase: str | None,
) -> Manifest:
    """Write every file and, last, the manifest.

    Args:
        passphrase: written beside the keys; None where its owner has it.
    """
    writer = _Writer(folder)
    lists = []
    for piece in pieces:
        label = "X509 CRL" if piece.is_list else "CERTIFICATE"
        text = pem(piece.der, label)
        described = _described(piece, keys[piece.issuer].signer.suite.id)
        stem = f"{_FOLDERS[piece.role]}/{piece.name}"
        writer.write(f"{stem}.pem", text, described)
        writer.write(f"{stem}.der", piece.der, described)
        if piece.role == "authority":
            anchor = replace(described, role="anchor")
            writer.write(f"anchors/{piece.name}.pem", text, anchor)
        if piece.is_list:
            lists.append(text)
    writer.write("crls/all.pem", b"".join(lists), Entry(role="bundle"))
    for key in sorted(keys.values(), key=lambda key: key.name):
        if key.file is not None:
            owned = Entry(role="key", holder=key.name, suite=key.signer.suite.id)
            writer.write(f"keys/{key.name}.pem", key.file, owned, private=True)
    if passphrase is not None:
        secret = f"{passphrase}\n".encode()
        writer.write(PASSPHRASE, secret, Entry(role="passphrase"), private=True)
    manifest = Manifest(
        era=plan.era.id,
        title=plan.era.title,
        at=plan.at,
        seed=plan.seed,
        serials=plan.era.serials.value,
        repeatable=plan.repeatable(),
        policies={
            "governor": topology.governor_policy,
            "bridge": topology.bridge_policy,
        },
        files=tuple(writer.entries),
    )
    (folder / FILE_NAME).write_text(manifest.to_json(), "utf-8")
    return manifest


class _Writer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.entries: list[Entry] = []

    def write(
        self, path: str, content: bytes, described: Entry, *, private: bool = False
    ) -> None:
        target = self._folder / path
        target.parent.mkdir(mode=0o700 if private else 0o777, exist_ok=True)
        mode = 0o600 if private else 0o666
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        digest = hashlib.sha256(content).hexdigest()
        self.entries.append(replace(described, path=path, sha256=digest))


def _described(piece: Piece, suite: SuiteId) -> Entry:
    entry = Entry(
        role=piece.role,
        holder=piece.holder,
        issuer=piece.issuer,
        generation=piece.generation,
        prefecture=piece.prefecture,
        suite=suite,
    )
    if piece.is_list:
        crl = parse_crl(piece.der)
        return replace(
            entry,
            subject=rfc4514(crl.issuer),
            number=crl.number,
            begins=crl.this_update,
            ends=crl.next_update,
        )
    certificate = parse_certificate(piece.der)
    return replace(
        entry,
        subject=rfc4514(certificate.subject),
        title=_title(certificate, unit=-2 if piece.holder in _NATIONAL else -1),
        serial=_hexadecimal(certificate.serial),
        begins=certificate.not_before,
        ends=certificate.not_after,
    )


def _title(certificate: Certificate, *, unit: int) -> str | None:
    """What a person calls the subject: the telling part of its Japanese name."""
    for name in certificate.subject_alternative_name:
        if isinstance(name, DirectoryName):
            return name.name.rdns[unit][0].value
    items = certificate.basic_attributes
    return None if items is None else items.name


def _hexadecimal(serial: int) -> str:
    """As `openssl x509 -serial` prints it: whole octets."""
    return serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big").hex().upper()
