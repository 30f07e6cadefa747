"""`jpki revocation ldif`: the lists in force, for a directory.

Certificates of the service name their list by a directory name and by nothing else: a
verifier finds it in the service's directory (LDAP). What is printed here makes such a
directory of any LDAP server, with the schema of RFC 4523.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from jpki.authority.publication.kept_lists import read_published
from jpki.cli.revocation.books import config, opened
from jpki.der import oids
from jpki.model.names import Name
from jpki.store import AuthorityUnitOfWork
from jpki.x509.certificate_lists import CertificateList, parse_crl
from jpki.x509.general_names import DirectoryName
from jpki.x509.names import normalized, parse_name, rfc4514

__all__ = ["ldif_command"]

_WIDTH: Final = 76
_CLASSES: Final = {
    oids.COUNTRY: ("country", "c"),
    oids.ORGANIZATION: ("organization", "o"),
    oids.ORGANIZATIONAL_UNIT: ("organizationalUnit", "ou"),
    oids.LOCALITY: ("locality", "l"),
    oids.COMMON_NAME: ("cRLDistributionPoint", "cn"),
}
"""By the attribute that names an entry: its structural class (RFC 4519, RFC 4523)."""
_CRL: Final = "certificateRevocationList;binary"
_DELTA: Final = "deltaRevocationList;binary"
_ATTRIBUTES: Final = {"arl": "authorityRevocationList;binary", "delta": _DELTA}
"""By scope, where it is not the attribute of complete lists."""
_CA: Final = "cACertificate;binary"
_POINT: Final = "cRLDistributionPoint"


@dataclass
class _Entry:
    name: Name
    values: dict[str, list[bytes]] = field(default_factory=dict)


@click.command("ldif")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it here and not to standard output.",
)
@config
def ldif_command(output: Path | None, config: Path) -> None:
    """Print every list in force as LDIF (RFC 2849), each where certificates name it.

    \b
    jpki revocation ldif | ldapadd -x -D cn=admin,c=JP -W
    """
    with opened(config) as (office, _), office.store.read() as uow:
        text = "".join(_records(_entries(uow)))
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, "ascii")
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from error


def _entries(uow: AuthorityUnitOfWork) -> list[_Entry]:
    """Authorities with their certificates and lists, and shards; parents first."""
    found: dict[object, _Entry] = {}

    def entry(name: Name) -> _Entry:
        for depth in range(1, len(name.rdns) + 1):
            above = Name(name.rdns[:depth])
            found.setdefault(normalized(above), _Entry(above))
        return found[normalized(name)]

    for authority in uow.authorities.all():
        own = entry(parse_name(authority.name))
        for key in uow.authorities.generations(authority.id):
            record = uow.certificates.get(authority.id, key.serial)
            if record.certificate is not None:
                own.values.setdefault(_CA, []).append(record.certificate)
    for listed in sorted(uow.crls.in_force(), key=lambda record: record.name):
        octets = read_published(uow, listed).der.octets
        crl = parse_crl(octets)
        attribute = _ATTRIBUTES.get(listed.scope, _CRL)
        entry(_place_of(crl)).values.setdefault(attribute, []).append(octets)
    return list(found.values())


def _place_of(crl: CertificateList) -> Name:
    """The directory name that certificates look for it under (RFC 5280 5.2.5)."""
    point = crl.issuing_distribution_point
    for name in () if point is None else point.full_name:
        if isinstance(name, DirectoryName):
            return name.name
    return crl.issuer


def _records(entries: Sequence[_Entry]) -> Iterator[str]:
    # Without the version, which is 1 where it is left out: slapadd refuses the line.
    for place, entry in enumerate(entries):
        last = entry.name.rdns[-1][0]
        kind, keyword = _CLASSES.get(last.oid, ("organizationalUnit", "ou"))
        classes = ["top", kind]
        if kind != _POINT and entry.values:
            classes.append("pkiCA")
        if _DELTA in entry.values:
            classes.append("deltaCRL")
        yield "\n" if place else ""
        yield _line("dn", rfc4514(entry.name).encode())
        for each in classes:
            yield _line("objectClass", each.encode())
        yield _line(keyword, last.value.encode())
        yield from _values(entry.values)


def _values(values: Mapping[str, Sequence[bytes]]) -> Iterator[str]:
    for attribute, all_of_it in values.items():
        for value in all_of_it:
            yield _line(attribute, value)


def _line(attribute: str, value: bytes) -> str:
    """One attribute, folded; what is no safe string in base64 (RFC 2849)."""
    safe = value.isascii() and value.decode("ascii", "replace").isprintable()
    if safe and value and value[:1] not in b" :<" and value[-1:] != b" ":
        text = f"{attribute}: {value.decode('ascii')}"
    else:
        text = f"{attribute}:: {base64.b64encode(value).decode('ascii')}"
    first, rest = text[:_WIDTH], text[_WIDTH:]
    pieces = [rest[at : at + _WIDTH - 1] for at in range(0, len(rest), _WIDTH - 1)]
    return "\n ".join([first, *pieces]) + "\n"
