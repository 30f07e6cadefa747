"""The verifier's own TOML file: tables [common] and [verifier]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jpki.data import era
from jpki.service.loader import read_document, read_table, setting
from jpki.service.settings import CommonSettings, require_honest_clock
from jpki.service.verification import VerificationSettings, policy_for
from jpki.verify import VerificationPolicy

__all__ = ["VerifierConfiguration", "VerifierSettings", "load"]

_TABLES: Final = frozenset({"common", "verifier"})


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierSettings(VerificationSettings):
    """[verifier]: where it listens, whom it trusts, and whom it asks."""

    host: str = "127.0.0.1"
    port: int = setting(8406, limits=(0, 65535))
    """0 takes a free one and names it when ready."""
    threads: int = setting(8, limits=(1, 256))
    body_limit: int = setting(16 * 1024 * 1024, limits=(1024, 256 * 1024 * 1024))
    """Octets of the largest request body."""
    pool_directory: Path | None = None
    """Certificates, CRLs and OCSP responses at hand for every question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierConfiguration:
    """The whole file, checked."""

    file: str
    base: Path
    """Relative paths of trust anchors start here."""
    common: CommonSettings
    verifier: VerifierSettings

    def policy(self) -> VerificationPolicy:
        """What documents must fulfil.

        Raises:
            ConfigurationError: an anchor cannot be read, or nothing would be accepted.
        """
        return policy_for(
            self.verifier,
            era(self.common.era),
            file=self.file,
            table="verifier",
            base=self.base,
        )


def load(
    file: Path, environment: Mapping[str, str] | None = None
) -> VerifierConfiguration:
    """Read and check the file.

    Raises:
        ConfigurationError: unreadable, or a key is unknown, missing or has a bad value.
    """
    document = read_document(file, environment or {}, tables=_TABLES)
    base = file.absolute().parent
    common = read_table(CommonSettings, "common", document, base=base, data=None)
    require_honest_clock(common, str(file))
    data = common.data_directory
    own = read_table(VerifierSettings, "verifier", document, base=base, data=data)
    return VerifierConfiguration(file=str(file), base=base, common=common, verifier=own)
