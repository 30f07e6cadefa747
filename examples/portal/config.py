"""The portal's own TOML file: tables [common] and [portal]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from jpki.agent.origins import parse_origin
from jpki.errors import ConfigurationError, EncodingError
from jpki.service.loader import read_document, read_table, setting
from jpki.service.settings import CommonSettings
from jpki.verify import TrustAnchor
from jpki.x509.parse import parse_certificate

__all__ = ["PortalConfiguration", "PortalSettings", "load"]

_TABLES: Final = frozenset({"common", "portal"})
_MAX_CERTIFICATE: Final = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class PortalSettings:
    """[portal]: where it listens, whom it trusts, and whom it asks."""

    host: str = "127.0.0.1"
    port: int = setting(8404, limits=(0, 65535))
    """0 takes a free one and names it when ready."""
    threads: int = setting(8, limits=(1, 256))
    body_limit: int = setting(1024 * 1024, limits=(1024, 16 * 1024 * 1024))
    """Octets of the largest request body."""
    trust_anchors: tuple[str, ...] = ()
    """Files, DER: the certificate of the authority of the portal's own prefecture."""
    policies: tuple[str, ...] = ()
    """Accepted certificate policies, as the trust anchor's authority names them."""
    certificates_url: str | None = None
    """The authorities' list of certificates: `GET /certificates` of `ca_server`."""
    crls_url: str | None = None
    """The list of CRLs: `GET /crls` of `ocsp_crl`."""
    ocsp_url: str | None = None
    """Asked in place of the addresses that certificates name."""
    max_revocation_age_seconds: int = setting(0, limits=(0, 31 * 86_400))
    """How old revocation data may be, however long it claims to hold; 0: no limit."""
    agent_url: str | None = None
    """Where residents' own signing agents listen, as `http://127.0.0.1:8410`: the first
    page then signs and sends in one step where one answers."""
    archive_directory: Path = Path("{data}/accepted")
    """Where accepted applications are kept with their signatures and verdicts."""

    @property
    def max_age(self) -> timedelta | None:
        """The limit as a duration."""
        seconds = self.max_revocation_age_seconds
        return timedelta(seconds=seconds) if seconds else None


@dataclass(frozen=True, kw_only=True, slots=True)
class PortalConfiguration:
    """The whole file, checked."""

    file: str
    base: Path
    """Relative paths of trust anchors start here."""
    common: CommonSettings
    portal: PortalSettings

    def anchors(self) -> tuple[TrustAnchor, ...]:
        """Read the trust anchors.

        Raises:
            ConfigurationError: one cannot be read, or there is none.
        """
        return tuple(map(self._anchor, self.portal.trust_anchors))

    def _anchor(self, name: str) -> TrustAnchor:
        key = "portal.trust_anchors"
        try:
            with (self.base / name).open("rb") as stream:
                return TrustAnchor.of(parse_certificate(stream.read(_MAX_CERTIFICATE)))
        except OSError as error:
            reason = f"{name}: {error.strerror or 'cannot be read'}"
            raise ConfigurationError(self.file, key, reason) from None
        except EncodingError as error:
            reason = f"{name}: {error.message}"
            raise ConfigurationError(
                self.file, key, reason, hint="the file is one certificate, DER"
            ) from None


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
    data = common.data_directory
    portal = read_table(PortalSettings, "portal", document, base=base, data=data)
    if common.clock_offset_seconds and not common.test_system:
        raise ConfigurationError(
            str(file),
            "common.clock_offset_seconds",
            "a moved clock is for test systems",
            hint="set common.test_system = true if this is one",
        )
    for key in ("trust_anchors", "policies"):
        if not getattr(portal, key):
            raise ConfigurationError(
                str(file), f"portal.{key}", "nothing would ever be accepted: name one"
            )
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
