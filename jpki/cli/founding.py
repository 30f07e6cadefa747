"""Lay out an installation: folders, secrets, credentials, settings, authorities.

Everything ends up below one folder: `jpki.toml` at its top, the rest in `data/`.
Nothing is ever overwritten.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from jpki import data
from jpki.access import Credential, create_credential, save_callers
from jpki.authority.agreeing.consent import Consent, agree
from jpki.authority.agreeing.deeds import Deed, cross_certification, enrolment, founding
from jpki.authority.delegating.operators import enrol_operator
from jpki.authority.delegating.responder_keys import renew_responders
from jpki.authority.founding.establish import (
    cross_certify,
    found_bridge,
    found_governor,
    found_national,
)
from jpki.authority.office import Office
from jpki.authority.office.identifiers import (
    BRIDGE,
    authority_for,
    governor_id,
    has_bridge,
    national_id,
)
from jpki.authority.office.keyrings import ResponderKeyring
from jpki.authority.publication import publish_due
from jpki.cli.signed_here import signed_here
from jpki.durable import create_file
from jpki.errors import ConfigurationError
from jpki.model.codes import MunicipalityCode
from jpki.model.operators import Caller, Role
from jpki.model.places import Prefecture
from jpki.model.purposes import Purpose
from jpki.service.office import open_keyring
from jpki.service.settings import ERA_SERIALS, FILE_STORE, Settings
from jpki.store.authority_records import CertificateRecord, CRLRecord

__all__ = ["RECOVERY", "Founder", "Layout", "Ports", "lay_out"]

FOUNDER: Final = "ca-operator-1"
SECOND: Final = "ca-operator-2"
"""Approves what the first requests."""
RECOVERY: Final = "recovery-1"
"""To be sealed and taken away; approves successors when one of the two lost a key."""
AUDITOR: Final = "auditor-1"
AUTHORITY_SERVER: Final = "authority-server"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """Where the three servers listen on the loopback interface."""

    authority: int = 8401
    revocation: int = 8402
    registry: int = 8403


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where everything of an installation is."""

    directory: Path
    config: Path
    callers: Mapping[str, Credential]
    """Everybody who may call a server, by identifier."""

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "data"


def lay_out(
    directory: Path,
    *,
    era: str,
    municipalities: Iterable[MunicipalityCode],
    ports: Ports,
    clock_offset: timedelta = timedelta(0),
    key_store: str = FILE_STORE,
    serials: str = ERA_SERIALS,
    profiles: Path | None = None,
) -> Layout:
    """Make folders, secrets, credentials and the settings file.

    Args:
        directory: made if it is missing; must not hold an installation.
        era: of the authorities.
        municipalities: each gets a counter and a registrar.
        ports: of the servers.
        clock_offset: moves the clock of all servers; a test system if not zero.
        key_store: where authorities' and responders' keys are made.
        serials: how certificates are numbered.
        profiles: a folder whose profiles take the place of packaged ones.

    Raises:
        ConfigurationError: there is an installation, or the folder cannot be written.
    """
    config = directory / "jpki.toml"
    try:
        for folder in ("keys", "responder-keys", "secrets", "credentials"):
            (directory / "data" / folder).mkdir(parents=True, mode=0o700)
        for name in ("ca-keys", "responder-keys"):
            secret = f"{secrets.token_urlsafe(24)}\n".encode("ascii")
            create_file(directory / "data" / "secrets" / f"{name}.txt", secret)
        callers = _credentials(directory / "data" / "credentials", municipalities)
        text = _settings_text(era, ports, clock_offset, key_store, serials, profiles)
        create_file(config, text.encode("utf-8"))
    except FileExistsError as error:
        raise ConfigurationError(
            str(directory),
            "DIR",
            f"{Path(error.filename or '').name or 'something'} is there already",
            hint="choose an empty folder; an installation is never overwritten",
        ) from None
    except OSError as error:
        reason = error.strerror or "cannot be written"
        raise ConfigurationError(str(directory), "DIR", reason) from None
    return Layout(directory=directory, config=config, callers=callers)


def _credentials(
    folder: Path, municipalities: Iterable[MunicipalityCode]
) -> Mapping[str, Credential]:
    names = [AUTHORITY_SERVER, FOUNDER, SECOND, RECOVERY, AUDITOR]
    for code in municipalities:
        names += [f"counter-{code}-1", f"registrar-{code}-1"]
    made = {name: create_credential(folder / f"{name}.pem", name) for name in names}
    known = [
        caller
        for caller in map(as_caller, made.values())
        if caller.role in (Role.REGISTRAR, Role.AUTHORITY_SERVER)
    ]
    save_callers(folder / "registry-clients.toml", known)
    return made


def as_caller(credential: Credential) -> Caller:
    """Role and municipality, as the identifiers made here tell them."""
    if credential.id in _ROLES:
        role, municipality = _ROLES[credential.id], None
    else:
        word, code, _ = credential.id.split("-")
        role, municipality = Role(word), MunicipalityCode(code)
    return Caller(
        id=credential.id,
        role=role,
        public_key=credential.public_key,
        municipality=municipality,
    )


_ROLES: Final = {
    AUTHORITY_SERVER: Role.AUTHORITY_SERVER,
    FOUNDER: Role.CA_OPERATOR,
    SECOND: Role.CA_OPERATOR,
    RECOVERY: Role.RECOVERY,
    AUDITOR: Role.AUDITOR,
}


def _settings_text(
    era: str,
    ports: Ports,
    clock_offset: timedelta,
    key_store: str,
    serials: str,
    profiles: Path | None,
) -> str:
    seconds = round(clock_offset.total_seconds())
    moved = (
        [
            "# A test system whose clock stands elsewhere.",
            "test_system = true",
            f"clock_offset_seconds = {seconds}",
        ]
        if seconds
        else []
    )
    own = [] if profiles is None else [f"profile_directory = {_text(profiles)}"]
    keys = [] if key_store == FILE_STORE else [f"key_store = {json.dumps(key_store)}"]
    lines = [
        "# One file for the three servers; docs/operations.md names every key.",
        "[common]",
        f"era = {json.dumps(era)}",
        'data_directory = "data"',
        *own,
        *moved,
        "",
        "[authority]",
        f"port = {ports.authority}",
        f'registry_url = "http://127.0.0.1:{ports.registry}"',
        f'ocsp_url = "http://127.0.0.1:{ports.revocation}/ocsp"',
        f'crls_url = "http://127.0.0.1:{ports.revocation}/crls"',
        *keys,
        *([] if serials == ERA_SERIALS else [f"serials = {json.dumps(serials)}"]),
        "",
        "[revocation]",
        f"port = {ports.revocation}",
        *keys,
        "",
        "[registry]",
        f"port = {ports.registry}",
        "# Invented residents in an empty register.",
        "seed = true",
        "",
    ]
    return "\n".join(lines)


def _text(path: Path) -> str:
    return json.dumps(str(path.absolute()), ensure_ascii=False)


class Founder:
    """The two CA operators who found the authorities of one installation.

    Until an authority exists nobody can certify them: the first requests and the second
    approves on the strength of the credentials that were made with the installation.
    Everything they agree to is in the audit log under both names.
    """

    def __init__(self, layout: Layout, settings: Settings, office: Office) -> None:
        self._layout = layout
        self._settings = settings
        self._office = office
        responders = open_keyring(settings.revocation)
        self._responding = replace(
            office, keyring=ResponderKeyring(office.keyring, responders)
        )
        self._by = as_caller(layout.callers[FOUNDER])
        self._second = as_caller(layout.callers[SECOND])

    def found(
        self,
        prefectures: Sequence[Prefecture],
        *,
        at: datetime,
        founded: Callable[[CertificateRecord], None],
        crossed: Callable[[CertificateRecord, str], None],
    ) -> tuple[CRLRecord, ...]:
        """Found the era's authorities, certify their responders and operators.

        Governors' authorities are cross-certified with the bridge, both ways.

        Args:
            prefectures: whose governors' authorities are founded, where the era has
                them, and whose counters are enrolled.
            at: the instant of the founding.
            founded: told each self-signed certificate.
            crossed: told each cross certificate and the authority it is for.

        Returns:
            The first CRLs.
        """
        era = self._office.era
        if has_bridge(era):
            head = governor_id(prefectures[0])
            self._found_mesh(prefectures, at, founded, crossed)
        else:
            purposes = [kind for kind in Purpose if kind.value in era.suites]
            head = national_id(purposes[0])
            for purpose in purposes:
                consent = self._agree(founding(national_id(purpose), era.id), at)
                founded(found_national(self._office, purpose, at=at, by=consent))
        renew_responders(self._responding, at=at, by=self._by.id)
        self._enrol({prefecture.code for prefecture in prefectures}, head, at)
        return publish_due(self._office, at=at, by=self._by.id)

    def _found_mesh(
        self,
        prefectures: Sequence[Prefecture],
        at: datetime,
        founded: Callable[[CertificateRecord], None],
        crossed: Callable[[CertificateRecord, str], None],
    ) -> None:
        era = self._office.era.id
        for prefecture in prefectures:
            consent = self._agree(founding(governor_id(prefecture), era), at)
            founded(found_governor(self._office, prefecture, at=at, by=consent))
        consent = self._agree(founding(BRIDGE, era), at)
        founded(found_bridge(self._office, at=at, by=consent))
        for governor in map(governor_id, prefectures):
            for issuer, subject in ((governor, BRIDGE), (BRIDGE, governor)):
                consent = self._agree(cross_certification(issuer, subject), at)
                cross = cross_certify(self._office, issuer, subject, at=at, by=consent)
                crossed(cross, subject)

    def _enrol(self, prefectures: Collection[str], head: str, at: datetime) -> None:
        """Counters with the authority that certifies signatures; others with `head`."""
        by_two = (Role.CA_OPERATOR, Role.RECOVERY)
        roles = (*by_two, Role.AUDITOR, Role.COUNTER)
        for credential in self._layout.callers.values():
            operator = as_caller(credential)
            place = operator.municipality
            if operator.role not in roles or (
                place is not None and place.prefecture not in prefectures
            ):
                continue
            authority = (
                head
                if place is None
                else authority_for(self._office.era, place, Purpose.SIGNATURE)
            )
            by: Caller | Consent = self._by
            if operator.role in by_two:
                by = self._agree(enrolment(authority, operator), at)
            enrol_operator(self._office, authority, operator, at=at, by=by)

    def _agree(self, deed: Deed, at: datetime) -> Consent:
        return agree(
            self._office,
            deed,
            at=at,
            requested_by=self._by,
            by=self._second,
            sign=lambda by, said: signed_here(
                self._layout.callers[by.id], said, self._settings, at
            ),
        )


def prefectures_of(codes: Iterable[str]) -> tuple[Prefecture, ...]:
    """The prefectures of these two-digit codes, each once, in order of code.

    Raises:
        ConfigurationError: no such prefecture.
    """
    known = data.prefectures()
    for code in codes:
        if code not in known:
            raise ConfigurationError(
                "command line",
                "--prefecture",
                f"{code!r} is no prefecture code",
                hint="two digits of JIS X 0401, such as 08 for Ibaraki",
            )
    return tuple(known[code] for code in sorted(set(codes)))
