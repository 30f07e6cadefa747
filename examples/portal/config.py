"""The portal's own TOML file: tables [common] and [portal]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jpki.agent.origins import parse_origin
from jpki.data import era
from jpki.errors import ConfigurationError
from jpki.service.loader import read_document, read_table, setting
from jpki.service.settings import CommonSettings, require_honest_clock
from jpki.service.verification import VerificationSettings, policy_for
from jpki.verify import VerificationPolicy

__all__ = ["PortalConfiguration", "PortalSettings", "load"]

_TABLES: Final = frozenset({"common", "portal"})


@dataclass(frozen=True, kw_only=True, slots=True)
class PortalSettings(VerificationSettings):
    """[portal]: where it listens, whom it trusts, where it keeps what it accepts."""

    host: str = "127.0.0.1"
    port: int = setting(8404, limits=(0, 65535))
    """0 takes a free one and names it when ready."""
    threads: int = setting(8, limits=(1, 256))
    body_limit: int = setting(1024 * 1024, limits=(1024, 16 * 1024 * 1024))
    """Octets of the largest request body."""
    agent_url: str | None = None
    """Where residents' own signing agents listen, as `http://127.0.0.1:8410`: the first
    page then signs and sends in one step where one answers."""
    archive_directory: Path = Path("{data}/accepted")
    """Where accepted applications are kept with their signatures and verdicts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PortalConfiguration:
    """The whole file, checked."""

    file: str
    base: Path
    """Relative paths of trust anchors start here."""
    common: CommonSettings
    portal: PortalSettings

    def policy(self) -> VerificationPolicy:
        """What an application must fulfil.

        Raises:
            ConfigurationError: an anchor cannot be read, or nothing would be accepted.
        """
        return policy_for(
            self.portal,
            era(self.common.era),
            file=self.file,
            table="portal",
            base=self.base,
        )


def load(
    file: Path, environment: Mapping[str, str] | None = None
) -> PortalConfiguration:
    """Read and check the file.

    Raises:
        ConfigurationError: unreadable, or a key is unknown, missing or has a bad value.
    """
    document = read_document(file, environment or {}, tables=_TABLES)
    base = file.absolute().parent
    common = read_table(CommonSettings, "common", document, base=base, data=None)
    require_honest_clock(common, str(file))
    data = common.data_directory
    portal = read_table(PortalSettings, "portal", document, base=base, data=data)
    if portal.agent_url is not None:
        _check_agent(portal.agent_url, str(file))
    return PortalConfiguration(file=str(file), base=base, common=common, portal=portal)


def _check_agent(url: str, file: str) -> None:
    """Its address goes into a header field and is asked by every resident's browser."""
    key = "portal.agent_url"
    if not url.startswith("http://") or parse_origin(url, file=file, key=key) != url:
        raise ConfigurationError(
            file,
            key,
            f"{url[:80]!r} is not an address on the resident's own machine",
            hint="such as http://127.0.0.1:8410",
        )
