"""A counter's workstation at a running installation, with cards that can lose power."""

from __future__ import annotations

import re
import uuid
from importlib import resources
from pathlib import Path
from typing import Final

from jpki.authority.remote.client import AuthorityClient
from jpki.authority.workstation import Enrolment, Workstation, enrol
from jpki.model.codes import ResidentCode
from jpki.model.ports import Secret
from tests.support.cards import ISSUER_SECRET, MemoryImage, blank_image, session_on
from tests.support.installation import COUNTER, Installation

__all__ = ["NEW_PASSWORD", "blank", "chosen", "enrolled", "short_lived", "station_at"]

NEW_PASSWORD: Final = "TSUKUBA1"


def blank(site: Installation) -> MemoryImage:
    """A card of the era that was never at a counter."""
    return blank_image(site.office.era.card)


def chosen(password: str = NEW_PASSWORD) -> Secret:
    """The resident's choice."""
    return lambda: password


def station_at(
    site: Installation, caller: str = COUNTER, client: AuthorityClient | None = None
) -> Workstation:
    """The workstation of a counter."""
    return Workstation(
        client=client or site.client(caller),
        era=site.office.era,
        issuer_secret=ISSUER_SECRET,
    )


def enrolled(
    site: Installation, image: MemoryImage, resident: ResidentCode
) -> Enrolment:
    """A certificate on this card."""
    with session_on(image) as session:
        return enrol(
            station_at(site),
            session,
            resident=resident,
            idempotency_key=str(uuid.uuid4()),
            password=chosen(),
        )


def short_lived(folder: Path, days: int) -> Path:
    """Profiles by which a certificate for signatures is in force for so many days.

    One of fewer than three months can be renewed from its first day on.
    """
    packaged = resources.files("jpki.data") / "certificate_profiles" / "signature.toml"
    text, count = re.subn(
        r"^years = 3$",
        f"days = {days}",
        packaged.read_text("utf-8"),
        flags=re.MULTILINE,
    )
    assert count == 1
    (folder / "certificate_profiles").mkdir(parents=True)
    (folder / "certificate_profiles" / "signature.toml").write_text(text, "utf-8")
    return folder
