"""A counter workstation's own TOML file: tables [common] and [counter].

It stands apart from the authorities' file: a town hall has no part in their keys and
books, only a credential, the secret of its cards' issuer, and a reader.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jpki import data
from jpki.access import RequestSigner, load_credential
from jpki.authority.remote.client import AuthorityClient
from jpki.authority.workstation import Workstation
from jpki.cards.places import CardPlace, card_place
from jpki.durable import create_file
from jpki.errors import CardError, ConfigurationError
from jpki.model.ports import Clock
from jpki.service.clock import ProcessClock, system_random
from jpki.service.loader import read_document, read_table, setting
from jpki.service.secrets import octets_from
from jpki.service.settings import CommonSettings, Settings

__all__ = [
    "WorkstationConfiguration",
    "WorkstationSettings",
    "load",
    "open_workstation",
    "write_workstation_file",
]

_TABLES: Final = frozenset({"common", "counter"})


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkstationSettings:
    """[counter]: whom it asks, as whom, with which cards, and where its page is."""

    host: str = "127.0.0.1"
    """An address of this machine alone: passwords go over it."""
    port: int = setting(8405, limits=(0, 65535))
    """0 takes a free one and names it when ready."""
    threads: int = setting(4, limits=(1, 64))
    body_limit: int = setting(16 * 1024, limits=(1024, 1024 * 1024))
    """Octets of the largest form."""
    authority_url: str = "http://127.0.0.1:8401"
    """Of `ca_server`."""
    credential: Path = Path("{data}/credentials/counter.pem")
    """The operator's."""
    issuer_secret: Path = Path("{data}/secrets/card-issuer.bin")
    """Proves the counter to the cards of one issuer; 16 octets or more."""
    card: str | None = None
    """A virtual card's file or a `card:` URI; without it, the card in any reader."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkstationConfiguration:
    """The whole file, checked."""

    file: str
    base: Path
    """Relative paths start here."""
    common: CommonSettings
    counter: WorkstationSettings

    @property
    def clock(self) -> Clock:
        """The time here."""
        return ProcessClock(self.common.clock_offset)

    def place(self, card: str | None = None) -> CardPlace:
        """Where the card is, unless the caller says where.

        Raises:
            CardError: the caller's URI is none.
        """
        if card is not None:
            return card_place(card)
        return card_place(self.counter.card, base=self.base)


def load(
    file: Path, environment: Mapping[str, str] | None = None
) -> WorkstationConfiguration:
    """Read and check the file.

    Raises:
        ConfigurationError: unreadable, or a key is unknown or has a bad value.
    """
    document = read_document(file, environment or {}, tables=_TABLES)
    base = file.absolute().parent
    common = read_table(CommonSettings, "common", document, base=base, data=None)
    if common.clock_offset_seconds and not common.test_system:
        raise ConfigurationError(
            str(file),
            "common.clock_offset_seconds",
            "a moved clock is for test systems",
            hint="set common.test_system = true if this is one",
        )
    own = read_table(
        WorkstationSettings,
        "counter",
        document,
        base=base,
        data=common.data_directory,
    )
    if not _is_loopback(own.host):
        raise ConfigurationError(
            str(file),
            "counter.host",
            f"{own.host} can be reached from elsewhere, and passwords go over it",
            hint="127.0.0.1",
        )
    configuration = WorkstationConfiguration(
        file=str(file), base=base, common=common, counter=own
    )
    try:
        configuration.place()
    except CardError as error:
        raise ConfigurationError(
            str(file), "counter.card", error.message, hint=error.hint
        ) from None
    return configuration


def open_workstation(configuration: WorkstationConfiguration) -> Workstation:
    """The workstation; nothing is asked of the authority or a card yet.

    Raises:
        ConfigurationError: the issuer's secret cannot be used.
        CredentialError: the operator's credential cannot be used.
    """
    own = configuration.counter
    signer = RequestSigner(
        load_credential(own.credential), clock=configuration.clock, random=system_random
    )
    return Workstation(
        client=AuthorityClient(own.authority_url, signer),
        era=data.era(configuration.common.era),
        issuer_secret=octets_from(own.issuer_secret, "counter.issuer_secret"),
    )


def write_workstation_file(
    file: Path, settings: Settings, *, credential: Path, card: str | None
) -> Path:
    """Write the file of a workstation at an installation on this machine.

    The issuer's secret is made where the installation has none yet.

    Returns:
        Where that secret is.

    Raises:
        ConfigurationError: there is such a file, or it cannot be written.
    """
    common = settings.common
    secret = common.data_directory / "secrets" / "card-issuer.bin"
    lines = [
        "# The workstation of a municipal counter; docs/operations.md names every key.",
        "[common]",
        f"era = {json.dumps(common.era)}",
        f"data_directory = {_text(common.data_directory)}",
        f"language = {json.dumps(common.language)}",
    ]
    if common.clock_offset_seconds:
        lines.append("test_system = true")
        lines.append(f"clock_offset_seconds = {common.clock_offset_seconds}")
    port = settings.authority.port
    url = settings.authority.public_url or f"http://127.0.0.1:{port}"
    lines += ["", "[counter]", f"authority_url = {json.dumps(url)}"]
    lines.append(f"credential = {_text(credential)}")
    lines.append(f"issuer_secret = {_text(secret)}")
    if card is not None:
        place = card if card.startswith("card:") else str(Path(card).absolute())
        lines.append(f"card = {json.dumps(place, ensure_ascii=False)}")
    try:
        create_file(file, ("\n".join(lines) + "\n").encode())
        with suppress(FileExistsError):
            create_file(secret, system_random(32))
    except OSError as error:
        reason = error.strerror or "cannot be written"
        raise ConfigurationError(str(file), "FILE", reason) from None
    return secret


def _text(path: Path) -> str:
    return json.dumps(str(path.absolute()), ensure_ascii=False)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
