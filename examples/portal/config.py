"""The portal's own TOML file: tables [common] and [portal]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from jpki.agent.origins import parse_origin
from jpki.errors import ConfigurationError
from jpki.service.loader import setting
from jpki.service.verification import (
    VerificationSettings,
    VerifyingConfiguration,
    read_configuration,
)

__all__ = ["PortalConfiguration", "PortalSettings", "load"]


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


PortalConfiguration: TypeAlias = VerifyingConfiguration[PortalSettings]


def load(
    file: Path, environment: Mapping[str, str] | None = None
) -> PortalConfiguration:
    """Read and check the file.

    Raises:
        ConfigurationError: unreadable, or a key is unknown, missing or has a bad value.
    """
    read = read_configuration(PortalSettings, "portal", file, environment)
    if read.own.agent_url is not None:
        _check_agent(read.own.agent_url, read.file)
    return read


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
