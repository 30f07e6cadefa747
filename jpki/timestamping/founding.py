"""Certifying a test time-stamp authority: a small root of its own, and its lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from jpki import data
from jpki.errors import RequestError
from jpki.model.ports import Random, Signer
from jpki.model.revocation import Revocation
from jpki.x509.certificates import assemble, prepare_certificate
from jpki.x509.crls import prepare_crl
from jpki.x509.issuers import IssuerView
from jpki.x509.keys import key_identifier
from jpki.x509.parse import Certificate

__all__ = ["FoundedAuthority", "found", "list_of", "root_view"]

_ROOT: Final = "time-root"
_AUTHORITY: Final = "time-stamping"
_LIST: Final = "crl"
_SERIAL_OCTETS: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundedAuthority:
    """A root and the authority beneath it, certificates in DER."""

    root: bytes = field(repr=False)
    authority: bytes = field(repr=False)


def found(
    root: Signer, authority: Signer, *, at: datetime, random: Random
) -> FoundedAuthority:
    """Certify both keys, by the profiles `time-root` and `time-stamping`.

    Args:
        root: signs both certificates.
        at: when both begin.
    """
    name, alternative = data.topology().time_root_names
    serial = _serial(random)
    view = IssuerView(
        name=name,
        alternative_name=alternative,
        key_identifier=key_identifier(root.public_key),
        certificate_issuer=name,
        certificate_serial=serial,
        suite=root.suite,
    )
    own = prepare_certificate(
        data.certificate_profile(_ROOT),
        issuer=view,
        values={},
        public_key=root.public_key,
        serial=serial,
        not_before=at,
        subject=name,
        subject_alternative=alternative,
    )
    beneath = prepare_certificate(
        data.certificate_profile(_AUTHORITY),
        issuer=view,
        values={},
        public_key=authority.public_key,
        serial=_serial(random),
        not_before=at,
    )
    return FoundedAuthority(
        root=assemble(own.tbs, root.suite, root.sign(own.tbs)),
        authority=assemble(beneath.tbs, root.suite, root.sign(beneath.tbs)),
    )


def root_view(root: Certificate, signer: Signer) -> IssuerView:
    """The root as its lists refer to it.

    Raises:
        RequestError: the key is not the one of this certificate.
    """
    if root.public_key != signer.public_key:
        raise RequestError("the root's key is not the one in its certificate")
    return IssuerView(
        name=root.subject,
        alternative_name=None,
        key_identifier=key_identifier(signer.public_key),
        certificate_issuer=root.issuer,
        certificate_serial=root.serial,
        suite=signer.suite,
    )


def list_of(
    root: Certificate,
    signer: Signer,
    *,
    number: int,
    this_update: datetime,
    next_update: datetime | None = None,
    entries: Sequence[Revocation] = (),
) -> bytes:
    """The root's CRL, DER, by the profile `crl`.

    Args:
        next_update: by default, as the profile has it.
    """
    prepared = prepare_crl(
        data.crl_profile(_LIST),
        issuer=root_view(root, signer),
        number=number,
        this_update=this_update,
        next_update=next_update,
        entries=entries,
    )
    return assemble(prepared.tbs, signer.suite, signer.sign(prepared.tbs))


def _serial(random: Random) -> int:
    # RFC 5280 4.1.2.2: positive, and at most 20 octets.
    return int.from_bytes(random(_SERIAL_OCTETS), "big") >> 1 | 1 << 126
