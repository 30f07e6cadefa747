"""`manifest.json`: every file of a built PKI, its digest, and what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from jpki.errors import ConfigurationError, RequestError
from jpki.strict_json import Fields, parse_object

__all__ = ["FILE_NAME", "Entry", "Manifest", "read_manifest"]

FILE_NAME: Final = "manifest.json"

T = TypeVar("T")

_FORMAT: Final = "jpki-pki/1"
_NOTICE: Final = "A test PKI: nobody may rely on it."
_MAX_SIZE: Final = 16 * 1024 * 1024
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"

ROLES: Final = (
    "authority",
    "cross",
    "link",
    "signature",
    "authentication",
    "crl",
    "arl",
    "anchor",
    "bundle",
    "key",
    "passphrase",
)
"""What a file can be."""

_SIGNED: Final = ("authority", "cross", "link", "signature", "authentication")
_YEARS: Final = range(1950, 9000)
"""From the first year of UTCTime to well before the last that can be counted with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One file."""

    role: str
    path: str = ""
    """Relative to the folder."""
    sha256: str = ""
    holder: str | None = None
    """Which authority or test person it is about, such as `governor-13`."""
    issuer: str | None = None
    """Which authority signed it."""
    generation: int | None = None
    """Of the key that signed it."""
    prefecture: str | None = None
    suite: str | None = None
    """With which it is signed; of a key, the one it is bound to."""
    subject: str | None = None
    """RFC 4514; of a list, its issuer."""
    title: str | None = None
    """The subject in Japanese."""
    serial: str | None = None
    """Hexadecimal, as `openssl x509 -serial` prints it."""
    number: int | None = None
    """Of a CRL."""
    begins: datetime | None = None
    """notBefore or thisUpdate."""
    ends: datetime | None = None
    """notAfter or nextUpdate."""

    def to_json(self) -> dict[str, object]:
        """As the manifest writes it: what is absent is left out."""
        members = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.strftime(_TIME) if isinstance(value, datetime) else value
            for name, value in members.items()
            if value is not None
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A built PKI on one page."""

    era: str
    title: str
    at: datetime
    seed: str | None
    serials: str
    """The scheme by which certificates are numbered."""
    repeatable: Mapping[str, bool]
    """Whether names, serial numbers and validity, keys, and signatures come out the
    same from the same seed and instant. Key files never do: their salt is new."""
    policies: Mapping[str, str]
    files: tuple[Entry, ...]

    def of(self, role: str) -> list[Entry]:
        """The PEM files of this role, in order."""
        return [
            entry
            for entry in self.files
            if entry.role == role and entry.path.endswith(".pem")
        ]

    def persons(self) -> list[Entry]:
        """The test persons' certificates."""
        return [*self.of("signature"), *self.of("authentication")]

    def openssl_command(self) -> str | None:
        """How OpenSSL judges the first test person under the last anchor.

        None where OpenSSL 3.0 cannot: it does not know ML-DSA.
        """
        persons, crosses = self.of("signature"), self.of("cross")
        if not persons or str(persons[0].suite).startswith("mldsa"):
            return None
        person = persons[0]
        anchor = self.of("anchor")[-1].holder if crosses else person.issuer
        way = [
            f"-untrusted {cross.path}"
            for cross in crosses
            # OpenSSL takes the first issuer it finds: it is shown this way only.
            if cross.issuer == anchor or cross.holder == person.issuer
        ]
        moment = int((self.at + timedelta(hours=1)).timestamp())
        words = [
            f"openssl verify -no-CApath -no-CAstore -attime {moment}",
            # SHA-1 and RSA-1024 are below level 1.
            f"-auth_level 0 -explicit_policy -policy {self.policies['governor']}",
            f"-CAfile anchors/{anchor}.pem",
            *way,
            f"-crl_check_all -extended_crl -CRLfile crls/all.pem {person.path}",
        ]
        return " ".join(words)

    def to_json(self) -> str:
        """The document, for a file or a program."""
        document = {
            "format": _FORMAT,
            "notice": _NOTICE,
            "era": self.era,
            "title": self.title,
            "at": self.at.strftime(_TIME),
            "seed": self.seed,
            "serials": self.serials,
            "repeatable": dict(self.repeatable),
            "policies": dict(self.policies),
            "files": [entry.to_json() for entry in self.files],
        }
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder that `jpki pki build` made.

    Raises:
        ConfigurationError: there is none, or it is not one.
    """
    file = folder / FILE_NAME
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_SIZE + 1)
    except OSError as error:
        raise ConfigurationError(
            str(folder),
            FILE_NAME,
            error.strerror or "cannot be read",
            hint="name a folder that `jpki pki build` made",
        ) from None
    if len(content) > _MAX_SIZE:
        raise ConfigurationError(str(file), "(file)", f"larger than {_MAX_SIZE} octets")
    try:
        return _manifest(Fields(parse_object(content), "the manifest"))
    except RequestError as error:
        raise ConfigurationError(str(file), "manifest", error.message) from None


def _manifest(fields: Fields) -> Manifest:
    if fields.need("format", str, _printable) != _FORMAT:
        raise RequestError(f"the format is not {_FORMAT}")
    fields.take("notice", str, _printable)
    manifest = Manifest(
        era=fields.need("era", str, _printable),
        title=fields.need("title", str, _printable),
        at=fields.need("at", str, _instant),
        seed=fields.take("seed", str, _printable),
        serials=fields.need("serials", str, _printable),
        repeatable=_members(fields.need("repeatable", dict, dict), bool, "repeatable"),
        policies=_members(fields.need("policies", dict, dict), str, "policies"),
        files=tuple(
            _entry(Fields(item, "a file")) for item in fields.need("files", list, list)
        ),
    )
    fields.done()
    if not manifest.of("authority"):
        raise RequestError("there is no authority")
    return manifest


def _entry(fields: Fields) -> Entry:
    entry = Entry(
        path=fields.need("path", str, _printable),
        sha256=fields.need("sha256", str, _printable),
        role=fields.need("role", str, _role),
        holder=fields.take("holder", str, _printable),
        issuer=fields.take("issuer", str, _printable),
        generation=fields.take("generation", int, int),
        prefecture=fields.take("prefecture", str, _printable),
        suite=fields.take("suite", str, _printable),
        subject=fields.take("subject", str, _printable),
        title=fields.take("title", str, _printable),
        serial=fields.take("serial", str, _printable),
        number=fields.take("number", int, int),
        begins=fields.take("begins", str, _instant),
        ends=fields.take("ends", str, _instant),
    )
    fields.done()
    if entry.role in _SIGNED and not (
        entry.holder and entry.issuer and _lives(entry.begins, entry.ends)
    ):
        raise RequestError(f"{entry.path}: holder, issuer or validity is missing")
    return entry


def _lives(begins: datetime | None, ends: datetime | None) -> bool:
    return begins is not None and ends is not None and begins < ends


def _members(value: Mapping[str, object], kind: type[T], what: str) -> Mapping[str, T]:
    fields = Fields(value, what)
    members = {name: fields.need(name, kind, _as_it_is) for name in value}
    return MappingProxyType(members)


def _as_it_is(value: T) -> T:
    return value


def _role(text: str) -> str:
    if text not in ROLES:
        raise ValueError
    return text


def _printable(text: str) -> str:
    """Terminals and pictures show it: no control characters."""
    if not text.replace("\u3000", " ").isprintable():
        raise ValueError
    return text


def _instant(text: str) -> datetime:
    moment = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    if moment.year not in _YEARS:
        raise ValueError
    return moment
