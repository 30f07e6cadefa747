"""Settings of programs that verify: whom they trust, for what, and whom they ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Generic, TypeVar

from jpki.data import era
from jpki.errors import ConfigurationError, EncodingError
from jpki.model.eras import Era
from jpki.service.loader import read_document, read_table, setting
from jpki.service.settings import CommonSettings, require_honest_clock
from jpki.verify import EraAlgorithms, TrustAnchor, VerificationPolicy
from jpki.verify.client import OnlineEvidence
from jpki.x509.parse import parse_certificate

__all__ = [
    "VerificationSettings",
    "VerifyingConfiguration",
    "evidence_for",
    "policy_for",
    "read_configuration",
]

_MAX_CERTIFICATE: Final = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationSettings:
    """What the table of a verifying program has in common with others."""

    trust_anchors: tuple[str, ...] = ()
    """Files, DER: certificates of the authorities that verification begins with."""
    time_anchors: tuple[str, ...] = ()
    """Files, DER: whom to believe about time; without any, timestamps prove nothing."""
    policies: tuple[str, ...] = ()
    """Accepted certificate policies, as the trust anchors' authorities name them."""
    certificates_url: str | None = None
    """The authorities' list of certificates: `GET /certificates` of `ca_server`."""
    crls_url: str | None = None
    """The list of CRLs: `GET /crls` of `ocsp_crl`."""
    ocsp_url: str | None = None
    """Asked in place of the addresses that certificates name."""
    max_revocation_age_seconds: int = setting(0, limits=(0, 31 * 86_400))
    """How old revocation data may be, however long it claims to hold; 0: no limit."""

    @property
    def max_age(self) -> timedelta | None:
        """The limit as a duration."""
        seconds = self.max_revocation_age_seconds
        return timedelta(seconds=seconds) if seconds else None


Own = TypeVar("Own", bound=VerificationSettings)


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyingConfiguration(Generic[Own]):
    """The whole file of a verifying program, checked."""

    file: str
    base: Path
    """Relative paths of trust anchors start here."""
    common: CommonSettings
    table: str
    """Name of the program's own table."""
    own: Own

    def policy(self) -> VerificationPolicy:
        """What documents must fulfil.

        Raises:
            ConfigurationError: an anchor cannot be read, or nothing would be accepted.
        """
        return policy_for(
            self.own,
            era(self.common.era),
            file=self.file,
            table=self.table,
            base=self.base,
        )


def read_configuration(
    settings: type[Own],
    table: str,
    file: Path,
    environment: Mapping[str, str] | None = None,
) -> VerifyingConfiguration[Own]:
    """Read and check a file with the tables [common] and one other.

    Raises:
        ConfigurationError: unreadable, or a key is unknown, missing or has a bad value.
    """
    tables = frozenset({"common", table})
    document = read_document(file, environment or {}, tables=tables)
    base = file.absolute().parent
    common = read_table(CommonSettings, "common", document, base=base, data=None)
    require_honest_clock(common, str(file))
    data = common.data_directory
    own = read_table(settings, table, document, base=base, data=data)
    return VerifyingConfiguration(
        file=str(file), base=base, common=common, table=table, own=own
    )


def policy_for(
    settings: VerificationSettings, era: Era, *, file: str, table: str, base: Path
) -> VerificationPolicy:
    """The policy that the settings describe.

    Args:
        settings: of one program.
        era: whose algorithms are accepted.
        file: where the settings stand, for complaints.
        table: likewise, the table's name.
        base: where relative paths start.

    Raises:
        ConfigurationError: an anchor cannot be read, or nothing would be accepted.
    """
    for key in ("trust_anchors", "policies"):
        if not getattr(settings, key):
            raise ConfigurationError(
                file, f"{table}.{key}", "nothing would ever be accepted: name one"
            )

    def anchors(key: str, names: Iterable[str]) -> tuple[TrustAnchor, ...]:
        return tuple(
            _anchor(base / name, name, file, f"{table}.{key}") for name in names
        )

    return VerificationPolicy(
        anchors=anchors("trust_anchors", settings.trust_anchors),
        time_anchors=anchors("time_anchors", settings.time_anchors),
        policies=frozenset(settings.policies),
        algorithms=EraAlgorithms(era),
        max_revocation_age=settings.max_age,
    )


def evidence_for(settings: VerificationSettings) -> OnlineEvidence:
    """Where certificates, CRLs and OCSP answers are fetched from."""
    return OnlineEvidence(
        certificates_url=settings.certificates_url,
        crls_url=settings.crls_url,
        ocsp_url=settings.ocsp_url,
    )


def _anchor(path: Path, name: str, file: str, key: str) -> TrustAnchor:
    try:
        with path.open("rb") as stream:
            return TrustAnchor.of(parse_certificate(stream.read(_MAX_CERTIFICATE)))
    except OSError as error:
        reason = f"{name}: {error.strerror or 'cannot be read'}"
        raise ConfigurationError(file, key, reason) from None
    except EncodingError as error:
        reason = f"{name}: {error.message}"
        raise ConfigurationError(
            file, key, reason, hint="the file is one certificate, DER"
        ) from None
