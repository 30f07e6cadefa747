"""Every key URI in the books opens, and its public key is the certified one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jpki.authority.office import Keyring
from jpki.cli.doctor.findings import Finding, Words, from_error, ok, problem
from jpki.cli.doctor.view import View
from jpki.errors import JpkiError
from jpki.service.office import open_keyring
from jpki.store.authority_records import CertificateRecord
from jpki.x509.parse import parse_certificate

__all__ = ["keys"]


def keys(view: View) -> Iterator[Finding]:
    """The authorities' keys, then the responders'."""
    yield from _keys(view, "authority")
    yield from _keys(view, "revocation")


@dataclass(frozen=True, slots=True)
class _KnownKey:
    """A key of the books and the certificate that names it."""

    owner: str
    uri: str
    public_key: bytes
    suite: str
    certificate: CertificateRecord


def _keys(view: View, table: Literal["authority", "revocation"]) -> Iterator[Finding]:
    known = list(
        _authority_keys(view) if table == "authority" else _responder_keys(view)
    )
    if not known:
        return
    own = view.settings.authority if table == "authority" else view.settings.revocation
    try:
        keyring = open_keyring(own)
    except JpkiError as error:
        yield from_error("keys", f"[{table}] の鍵を開けない", error)
        return
    bad = 0
    for key in known:
        finding = _key(keyring, key)
        if finding is not None:
            bad += 1
            yield finding
    if not bad:
        yield ok(
            "keys",
            f"[{table}] の鍵 {len(known)} 個は開き、証明書と合う",
            f"[{table}] {len(known)} keys open and match their certificates",
        )


def _authority_keys(view: View) -> Iterator[_KnownKey]:
    """Those that may still sign: what comes after its end may be destroyed."""
    for key in view.generations():
        if view.at <= key.signs_until:
            yield _KnownKey(
                f"{key.authority}/{key.number}",
                key.key_uri,
                key.public_key,
                key.suite,
                view.uow.certificates.get(key.authority, key.serial),
            )


def _responder_keys(view: View) -> Iterator[_KnownKey]:
    for authority in view.uow.authorities.all():
        for responder in view.uow.authorities.responders(authority.id):
            own = view.uow.certificates.get(authority.id, responder.serial)
            if view.holds(own):
                yield _KnownKey(
                    f"{authority.id} OCSP",
                    responder.key_uri,
                    responder.public_key,
                    responder.suite,
                    own,
                )


def _key(keyring: Keyring, known: _KnownKey) -> Finding | None:
    """What is wrong with one key."""
    try:
        signer = keyring.open(known.uri)
    except JpkiError as error:
        return from_error("keys", f"{known.owner} の鍵を開けない", error)
    certificate = known.certificate.certificate
    certified = (
        known.public_key
        if certificate is None
        else parse_certificate(certificate).public_key
    )
    if signer.suite.id == known.suite and (
        signer.public_key == known.public_key == certified
    ):
        return None
    return problem(
        "keys",
        Words(
            f"{known.owner} の鍵 {known.uri} は証明書と合わない",
            f"the key of {known.owner} at {known.uri} is not that of its certificate",
        ),
        Words("バックアップから鍵を戻す", "restore the key from its backup"),
    )
