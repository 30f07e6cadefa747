"""The verifier's own TOML file: tables [common] and [verifier]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from jpki.service.loader import setting
from jpki.service.verification import (
    VerificationSettings,
    VerifyingConfiguration,
    read_configuration,
)

__all__ = ["VerifierConfiguration", "VerifierSettings", "load"]


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierSettings(VerificationSettings):
    """[verifier]: where it listens, whom it trusts, and whom it asks."""

    host: str = "127.0.0.1"
    port: int = setting(8406, limits=(0, 65535))
    """0 takes a free one and names it when ready."""
    threads: int = setting(8, limits=(1, 256))
    body_limit: int = setting(16 * 1024 * 1024, limits=(1024, 256 * 1024 * 1024))
    """Octets of the largest request body; an archive in it may hold four times that."""
    pool_directory: Path | None = None
    """Certificates, CRLs and OCSP responses at hand for every question."""


VerifierConfiguration: TypeAlias = VerifyingConfiguration[VerifierSettings]


def load(
    file: Path, environment: Mapping[str, str] | None = None
) -> VerifierConfiguration:
    """Read and check the file.

    Raises:
        ConfigurationError: unreadable, or a key is unknown, missing or has a bad value.
    """
    return read_configuration(VerifierSettings, "verifier", file, environment)
