"""What a list of this name holds now: its entries, and the point it is found at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from jpki.authority.certifying.making import issuer_view
from jpki.authority.office import Office
from jpki.authority.office.addresses import list_addresses
from jpki.authority.office.identifiers import BRIDGE
from jpki.authority.publication.indirect import INDIRECT
from jpki.authority.publication.scopes import kinds_of, profile_of, shard_in
from jpki.errors import IssuanceError, NotFound
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CRLRecord, ListName
from jpki.x509.issuer_sections import IssuerSection
from jpki.x509.large_crls import LargeCRL, prepare_large_crl
from jpki.x509.names import parse_name
from jpki.x509.revocation_columns import RevocationColumns

__all__ = ["entries_of", "prepare_list"]


def entries_of(
    office: Office,
    uow: AuthorityUnitOfWork,
    name: ListName,
    *,
    alive_at: datetime | None,
    base: CRLRecord | None = None,
) -> Mapping[str, RevocationColumns]:
    """What is revoked of that which the list is about, by authority.

    Args:
        office: whose list it is.
        uow: the books.
        name: the list.
        alive_at: what had expired by then is left out; but a delta keeps everything
            until it has been on a complete list (RFC 5280 5.2.4).
        base: of a delta, the complete list that it goes on from.

    Raises:
        IssuanceError: the era or the authority has no such list.
    """
    kinds = kinds_of(profile_of(office, name.scope))
    if name.scope == INDIRECT:
        if name.authority != BRIDGE:
            raise IssuanceError(f"{name.authority} publishes no {name.scope} list")
        return {
            authority.id: uow.journal.listed(
                authority.id, None, kinds, alive_at=alive_at
            )
            for authority in uow.authorities.all()
        }
    return {
        name.authority: uow.journal.listed(
            name.authority,
            name.generation,
            kinds,
            shard=shard_in(name.scope),
            alive_at=alive_at if base is None else None,
            after=0 if base is None else base.journal_position,
        )
    }


def prepare_list(
    office: Office,
    uow: AuthorityUnitOfWork,
    name: ListName,
    *,
    number: int,
    at: datetime,
    entries: Mapping[str, RevocationColumns],
    base: int | None = None,
) -> LargeCRL:
    """The list with these entries, to be signed by its key.

    A shard is made with the very point that certificates name, whatever the profile has
    become since they were issued.

    Raises:
        NotFound: no such key, or no certificate that names such a shard.
        IssuanceError: the era has no such list.
        RuleViolation: a rule refuses it.
    """
    key = uow.authorities.generation(name.authority, name.generation)
    return prepare_large_crl(
        profile_of(office, name.scope),
        issuer=issuer_view(uow, key),
        number=number,
        this_update=at,
        entries=_sections(uow, entries)
        if name.scope == INDIRECT
        else entries[name.authority],
        values=list_addresses(office, name.authority, name.generation),
        point=_point(uow, name),
        base=base,
    )


def _sections(
    uow: AuthorityUnitOfWork, entries: Mapping[str, RevocationColumns]
) -> Sequence[IssuerSection]:
    return [
        IssuerSection(parse_name(uow.authorities.get(authority).name), revoked)
        for authority, revoked in sorted(entries.items())
    ]


def _point(uow: AuthorityUnitOfWork, name: ListName) -> bytes | None:
    shard = shard_in(name.scope)
    if shard is None:
        return None
    for known in uow.shards.of_key(name.authority, name.generation):
        if known.id == shard:
            return known.point
    raise NotFound("CRL", "/".join(map(str, name)))
