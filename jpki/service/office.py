"""Open the authorities' office as the settings describe it."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from jpki import data
from jpki.access import RequestSigner, load_credential
from jpki.authority.office import Keyring, Office, Step
from jpki.authority.office.keyrings import FileKeyring, ResponderKeyring, TokenKeyring
from jpki.data import Profiles
from jpki.errors import JpkiError, KeyProviderError
from jpki.keys.pkcs11.uri import parse_pkcs11_uri
from jpki.model.eras import Era
from jpki.model.ports import Clock
from jpki.model.serials import SerialScheme
from jpki.registry.client import RegistryClient
from jpki.service.clock import system_random
from jpki.service.secrets import passphrase_from
from jpki.service.settings import (
    ERA_SERIALS,
    FILE_STORE,
    AuthoritySettings,
    RevocationSettings,
    Settings,
)
from jpki.store import AuthorityStore
from jpki.store.outside_journal import OutsideJournal

__all__ = [
    "open_keyring",
    "open_misbehaving_office",
    "open_office",
    "open_register",
    "open_status_office",
]


def open_register(settings: Settings, clock: Clock) -> RegistryClient:
    """The register, as the authorities' server may call it.

    Raises:
        CredentialError: the credential cannot be used.
    """
    own = settings.authority
    signer = RequestSigner(
        load_credential(own.credential), clock=clock, random=system_random
    )
    return RegistryClient(own.registry_url, signer)


def open_keyring(own: AuthoritySettings | RevocationSettings) -> Keyring:
    """The keys of one table: in files, or on the token that it names.

    Raises:
        ConfigurationError: the file of the passphrase or the PIN cannot be used.
        KeyProviderError: the token's module, or python-pkcs11, is not installed.
    """
    if own.key_store == FILE_STORE:
        passphrase = passphrase_from(own.passphrase_file)
        return FileKeyring(own.key_directory, passphrase)
    try:
        from jpki.keys.pkcs11.token import Token
    except ModuleNotFoundError as error:
        raise KeyProviderError(
            f"keys on a token need the Python package {error.name}",
            hint="install the package with its extra: pip install 'jpki[pkcs11]'",
        ) from None
    uri = parse_pkcs11_uri(own.key_store)
    assert uri.pin_source is not None  # the settings were checked
    token = Token(uri, passphrase_from(uri.pin_source))
    earlier = None
    if own.passphrase_file.exists():
        passphrase = passphrase_from(own.passphrase_file)
        earlier = FileKeyring(own.key_directory, passphrase)
    return TokenKeyring(token, earlier)


def open_office(
    settings: Settings, register: RegistryClient, *, restored: bool = False
) -> Office:
    """The office over the database and keys of [authority]; its schema is made newest.

    Args:
        settings: the whole file.
        register: who is asked about residents.
        restored: open it also where the database is older than the revocation journal
            outside it, in order to bring it up.

    Raises:
        ConfigurationError, ProfileError: a setting or the era cannot be used.
        JournalAhead: the database was restored from a backup.
        StoreError: the database cannot be used.
    """
    own = settings.authority
    profiles = _profiles(settings)
    store = _open_store(own.database, own.revocation_journal, restored=restored)
    return Office(
        store=store,
        keyring=open_keyring(own),
        era=_era(settings),
        random=system_random,
        ocsp_url=own.ocsp_url,
        crls_url=own.crls_url,
        provide=register.provide,
        issuance_approval=own.issuance_approval,
        crl_budget=own.crl_budget_octets,
        crl_shards=own.crl_shards,
        crl_deltas=_deltas(settings),
        crl_indirect=settings.authority.crl_indirect,
        step=_killed_at(own.killed_at),
        certificate_profile=profiles.certificate_profile,
        crl_profile=profiles.crl_profile,
    )


def open_status_office(settings: Settings) -> Office:
    """The office as [revocation] sees it: the books, and the responders' keys only.

    Raises:
        ConfigurationError, ProfileError: a setting or the era cannot be used.
        JournalAhead: the database was restored from a backup; it would call good what
            is revoked.
        StoreError: the database cannot be used.
    """
    own = settings.revocation
    profiles = _profiles(settings)
    store = _open_store(own.database, settings.authority.revocation_journal)
    return Office(
        store=store,
        keyring=open_keyring(own),
        era=data.era(settings.common.era),
        random=system_random,
        ocsp_url=settings.authority.ocsp_url,
        crls_url=settings.authority.crls_url,
        crl_deltas=_deltas(settings),
        crl_indirect=settings.authority.crl_indirect,
        crl_budget=settings.authority.crl_budget_octets,
        certificate_profile=profiles.certificate_profile,
        crl_profile=profiles.crl_profile,
    )


def open_misbehaving_office(settings: Settings, office: Office) -> Office:
    """The same office with the authorities' keys, to sign what is wrong on purpose.

    Raises:
        ConfigurationError, KeyProviderError: these keys cannot be had.
    """
    authorities = open_keyring(settings.authority)
    return replace(office, keyring=ResponderKeyring(authorities, office.keyring))


def _open_store(url: str, journal: Path, *, restored: bool = False) -> AuthorityStore:
    outside = OutsideJournal(journal)
    store = AuthorityStore(url, outside=outside)
    try:
        store.migrate()
        if not restored:
            outside.require_level(store.read)
    except JpkiError:
        store.close()
        raise
    return store


def _profiles(settings: Settings) -> Profiles:
    folder = settings.common.profile_directory
    return Profiles() if folder is None else data.load_profile_directory(folder)


def _era(settings: Settings) -> Era:
    """The era in force, with the numbering that the settings prefer to its own."""
    era, serials = data.era(settings.common.era), settings.authority.serials
    if serials == ERA_SERIALS:
        return era
    return replace(era, serials=SerialScheme(serials))


def _deltas(settings: Settings) -> timedelta | None:
    minutes = settings.authority.crl_delta_minutes
    return timedelta(minutes=minutes) if minutes else None


def _killed_at(point: str | None) -> Step:
    """A listener that ends the process as `kill -9` would, at the named point."""

    def step(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return step
