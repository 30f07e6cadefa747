"""The authorities' own machine, as an operator's commands find it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from jpki.access import Credential, Evidence, load_credential
from jpki.authority.acts import carry_out
from jpki.authority.agreeing.consent import Consent
from jpki.authority.agreeing.deeds import DeedKind
from jpki.authority.agreeing.statements import Statement
from jpki.authority.delegating.operators import find_caller
from jpki.authority.delegating.responder_keys import renew_responders
from jpki.authority.office import Office
from jpki.authority.office.keyrings import ResponderKeyring
from jpki.authority.publication import publish_due
from jpki.cli.signed_here import signed_here
from jpki.errors import NotInOffice
from jpki.model.operators import Caller
from jpki.service.clock import ProcessClock
from jpki.service.office import open_keyring, open_office, open_register
from jpki.service.settings import Settings, load

__all__ = ["Desk", "config_option", "credential_option", "json_option"]


class Desk:
    """One installation, opened for one command."""

    def __init__(self, config: Path) -> None:
        self.settings: Settings = load(config, os.environ)
        clock = ProcessClock(self.settings.common.clock_offset)
        self.office: Office = open_office(
            self.settings, open_register(self.settings, clock)
        )
        self.at: datetime = clock()

    def caller(self, credential: Path) -> Caller:
        """The operator whose credential this is."""
        held: Credential = load_credential(credential)
        known = find_caller(self.office, held.id)
        if known is None or known.public_key != held.public_key:
            raise NotInOffice(
                f"{held.id} is not an operator in office",
                hint="somebody who is enrolled, and neither dismissed nor revoked",
            )
        return known

    def signed(self, credential: Path, statement: Statement) -> Evidence:
        """What this operator says, signed for the audit log."""
        return signed_here(
            load_credential(credential), statement, self.settings, self.at
        )

    def carry_out(self, consent: Consent) -> str:
        """Do it, certify what answers for a new key, and publish its lists."""
        outcome = carry_out(self.office, consent, at=self.at)
        if consent.deed.kind in (DeedKind.FOUND, DeedKind.ROLL_OVER):
            self.complete(by=consent.approved_by)
        return outcome

    def complete(self, *, by: str) -> None:
        """A responder for each key that signs now and needs one; all lists due."""
        ring = ResponderKeyring(
            self.office.keyring, open_keyring(self.settings.revocation)
        )
        renew_responders(replace(self.office, keyring=ring), at=self.at, by=by)
        publish_due(self.office, at=self.at, by=by)


def config_option(command: Callable[..., None]) -> Callable[..., None]:
    """Where the installation is."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        default=Path("jpki.toml"),
        show_default=True,
        help="The file that `jpki init` wrote.",
    )(command)


def credential_option(command: Callable[..., None]) -> Callable[..., None]:
    """Who acts."""
    return click.option(
        "--as",
        "credential",
        type=click.Path(path_type=Path, dir_okay=False),
        required=True,
        help="Your credential, such as data/credentials/ca-operator-1.pem.",
    )(command)


def json_option(command: Callable[..., None]) -> Callable[..., None]:
    """For programs."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document."
    )(command)
