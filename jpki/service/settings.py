"""One TOML file for all servers: what can be set, and its defaults.

Each table of the file is one frozen class here; reading and checking is
`jpki.service.loader`. `{data}` in a value stands for the data directory, and a
relative path is relative to the folder of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from jpki.errors import ConfigurationError, KeyProviderError, RequestError
from jpki.keys.pkcs11.uri import parse_pkcs11_uri
from jpki.model.confirmation import ServiceHours
from jpki.model.serials import SerialScheme
from jpki.service.loader import read_document, read_table, setting

__all__ = [
    "ERA_SERIALS",
    "FILE_STORE",
    "AuthoritySettings",
    "CommonSettings",
    "RegistrySettings",
    "RevocationSettings",
    "Settings",
    "check_key_store",
    "load",
    "require_honest_clock",
]

FILE_STORE: Final = "file"
"""The value of `key_store` that needs no token."""

ERA_SERIALS: Final = "era"
"""The value of `serials` that leaves it to the era."""

_SCHEMES: Final = tuple(scheme.value for scheme in SerialScheme)

_ACCESS: Final = ("open", "registered")
_NEVER_ISSUED: Final = ("unknown", "unauthorized", "revoked")
_PORTS: Final = (0, 65535)
_THREADS: Final = (1, 256)
_BODIES: Final = (1024, 16 * 1024 * 1024)
_DAY: Final = 86_400


@dataclass(frozen=True, kw_only=True, slots=True)
class CommonSettings:
    """[common]: what all servers of an installation share."""

    era: str = "prefectural-sha256"
    """Which algorithms, profiles and card are in force."""
    data_directory: Path = Path("data")
    language: str = setting("ja", choices=("ja", "en"))
    """Of pages for people; problem documents are in English."""
    log_level: str = setting("info", choices=("debug", "info", "warning", "error"))
    test_system: bool = False
    """Accept `JPKI-Test-Instant` and a clock offset. Never on a real system."""
    profile_directory: Path | None = None
    """Holds profiles that take the place of the packaged ones of the same `id`, in
    `certificate_profiles/*.toml` and `crl_profiles/*.toml`."""
    clock_offset_seconds: int = 0
    """Moves the clock of every server by this much."""

    @property
    def clock_offset(self) -> timedelta:
        """The offset as a duration."""
        return timedelta(seconds=self.clock_offset_seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthoritySettings:
    """[authority]: `ca_server`."""

    host: str = "127.0.0.1"
    port: int = setting(8401, limits=_PORTS)
    """0 takes a free port and names it when ready."""
    public_url: str | None = None
    """Scheme, host and port as clients write them; needed behind a proxy, because
    signed requests name them."""
    threads: int = setting(8, limits=_THREADS)
    body_limit: int = setting(256 * 1024, limits=_BODIES)
    """Octets of the largest request body."""
    database: str = "sqlite:///{data}/authority.sqlite"
    """SQLAlchemy URL."""
    key_store: str = "file"
    """Where new keys are made: `file` below `key_directory`, or a token, as in
    `pkcs11:token=LABEL?module-path=/…/module.so&pin-source=/…/pin` (RFC 7512). Keys
    that exist are found in either."""
    key_directory: Path = Path("{data}/keys")
    passphrase_file: Path = Path("{data}/secrets/ca-keys.txt")
    registry_url: str = "http://127.0.0.1:8403"
    credential: Path = Path("{data}/credentials/authority-server.pem")
    """With which the register knows this server."""
    ocsp_url: str = "http://127.0.0.1:8402/ocsp"
    """As it stands in certificates (id-ad-ocsp)."""
    crls_url: str = "http://127.0.0.1:8402/crls"
    """Where lists are, for certificates whose profile has `uri = "{crl_url}"`."""
    serials: str = setting(ERA_SERIALS, choices=(ERA_SERIALS, *_SCHEMES))
    """How certificates are numbered: `modern` at random, `jpki-compat` counted in four
    octets, `era` as the era's file has it. May change at any time: no random number is
    as small as a counted one."""
    revocation_journal: Path = Path("{data}/revocations.journal")
    """Every revocation is kept here also, for the day on which the database is lost:
    put it on another disk."""
    crl_shards: int = setting(16, limits=(1, 4096))
    """Over how many lists certificates are spread whose profile has `{shard}` in its
    distribution point. Those that were issued before stay where they are."""
    crl_delta_minutes: int = setting(0, limits=(0, 1440))
    """How old a delta CRL becomes at most; 0 for complete lists only. With deltas, news
    go into them at once, and a key's complete list appears once in its period."""
    crl_indirect: bool = False
    """The bridge publishes, once in a period, an indirect list of what all authorities
    have revoked; certificates issued from then on name it beside their own."""
    crl_budget_octets: int = setting(10_000_000, limits=(1_000, 512 << 20))
    """How long a CRL may become. It is published beyond that all the same; `jpki
    doctor` and the log of `ca_server` tell from 80 % on."""
    issuance_approval: bool = False
    """An approver must agree to each application before a certificate is issued."""
    killed_at: str | None = None
    """Ends the process by SIGKILL at this named point of a procedure, such as
    `issuance.recorded`. For tests of recovery; needs `common.test_system`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationSettings:
    """[revocation]: `ocsp_crl`."""

    host: str = "127.0.0.1"
    port: int = setting(8402, limits=_PORTS)
    threads: int = setting(8, limits=_THREADS)
    body_limit: int = setting(16 * 1024, limits=_BODIES)
    database: str = "sqlite:///{data}/authority.sqlite"
    """The authority's own, of which this server reads the status."""
    key_store: str = "file"
    """Where the responders' keys are; as in [authority]."""
    key_directory: Path = Path("{data}/responder-keys")
    passphrase_file: Path = Path("{data}/secrets/responder-keys.txt")
    response_lifetime_seconds: int = setting(900, limits=(1, 7 * _DAY))
    """From thisUpdate to nextUpdate of an OCSP response."""
    crl_max_age_seconds: int = setting(60, limits=(0, _DAY))
    """How long caches may give a CRL without asking whether there is a newer one, and
    never beyond its nextUpdate; 0 has them ask each time."""
    never_issued: str = setting("unknown", choices=_NEVER_ISSUED)
    """What OCSP says of serial numbers that were never issued: `unknown`;
    `unauthorized`, an error instead of an answer; or `revoked`, on hold since 1970 with
    the extension extended-revoke (RFC 6960 2.2)."""
    archive_retention_days: int = setting(0, limits=(0, 36_500))
    """For how long after a certificate's end its revocation is told. OCSP responses
    state it as the archive cutoff (RFC 6960 4.4.4); 0 leaves that out. No revocation is
    ever forgotten, whatever this says."""
    kept_answers: int = setting(20_000, limits=(0, 10_000_000))
    """OCSP responses that each process keeps, of 1 to 8 KB each."""
    queue_limit: int = setting(64, limits=(1, 512))
    """OCSP requests that may wait for a thread; further ones get `tryLater` at once."""
    confirm_hours: str = "00:00-24:00"
    """When residents may ask about their own certificates, in Japan's time."""
    access: str = setting("open", choices=_ACCESS)
    """Who is told what is revoked: everybody, or, as by the law, `registered` verifiers
    only, which `jpki verifier` looks after."""
    misbehave: bool = False
    """Answer wrongly below `/misbehave`, in the way that the address names, so that
    clients can be tested. Needs `common.test_system` and the keys of [authority]."""
    trusted_proxy: str | None = None
    """Address of the proxy that ends TLS and tells verifiers' client certificates in
    `Client-Cert` (RFC 9440). From elsewhere that field counts for nothing; the proxy
    must remove it from what it receives."""

    @property
    def service_hours(self) -> ServiceHours:
        """The hours for residents."""
        return ServiceHours.parse(self.confirm_hours)

    @property
    def archive_retention(self) -> timedelta | None:
        """The same as a duration; None for 0."""
        days = self.archive_retention_days
        return timedelta(days=days) if days else None

    @property
    def response_lifetime(self) -> timedelta:
        """The same as a duration."""
        return timedelta(seconds=self.response_lifetime_seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrySettings:
    """[registry]: `registry_stub`."""

    host: str = "127.0.0.1"
    port: int = setting(8403, limits=_PORTS)
    public_url: str | None = None
    """Scheme, host and port as clients write them; needed behind a proxy, because
    signed requests name them."""
    threads: int = setting(16, limits=_THREADS)
    """Every client that waits for the feed holds one thread meanwhile."""
    body_limit: int = setting(16 * 1024, limits=_BODIES)
    database: str = "sqlite:///{data}/registry.sqlite"
    clients: Path = Path("{data}/credentials/registry-clients.toml")
    """Who may call: identifiers, roles and public keys."""
    seed: bool = False
    """Fill an empty register with the packaged, invented residents."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The whole file, checked."""

    common: CommonSettings = field(default_factory=CommonSettings)
    authority: AuthoritySettings = field(default_factory=AuthoritySettings)
    revocation: RevocationSettings = field(default_factory=RevocationSettings)
    registry: RegistrySettings = field(default_factory=RegistrySettings)


def require_honest_clock(common: CommonSettings, file: str) -> None:
    """Refuse a moved clock where people could take it for the true one.

    Raises:
        ConfigurationError: it is moved, and this is no test system.
    """
    if common.clock_offset_seconds and not common.test_system:
        raise ConfigurationError(
            file,
            "common.clock_offset_seconds",
            "a moved clock is for test systems",
            hint="set common.test_system = true if this is one",
        )


def load(file: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings file.

    Args:
        file: the TOML file.
        environment: overrides as `JPKI_<TABLE>__<KEY>`, such as `os.environ`.

    Raises:
        ConfigurationError: unreadable, or a key is unknown or has a bad value.
    """
    document = read_document(file, environment or {}, tables=frozenset(_TABLES))
    base = file.absolute().parent
    common = read_table(CommonSettings, "common", document, base=base, data=None)
    require_honest_clock(common, str(file))
    data = common.data_directory
    authority = read_table(
        AuthoritySettings, "authority", document, base=base, data=data
    )
    if authority.killed_at is not None and not common.test_system:
        raise ConfigurationError(
            str(file),
            "authority.killed_at",
            "a server that kills itself is for test systems",
            hint="set common.test_system = true if this is one",
        )
    revocation = read_table(
        RevocationSettings, "revocation", document, base=base, data=data
    )
    if revocation.misbehave and not common.test_system:
        raise ConfigurationError(
            str(file),
            "revocation.misbehave",
            "a server that is wrong on purpose is for test systems",
            hint="set common.test_system = true if this is one",
        )
    try:
        _ = revocation.service_hours
    except RequestError as error:
        raise ConfigurationError(
            str(file), "revocation.confirm_hours", error.message, hint=error.hint
        ) from None
    _check_proxy(revocation.trusted_proxy, str(file))
    check_key_store(authority.key_store, str(file), "authority.key_store")
    check_key_store(revocation.key_store, str(file), "revocation.key_store")
    return Settings(
        common=common,
        authority=authority,
        revocation=revocation,
        registry=read_table(
            RegistrySettings, "registry", document, base=base, data=data
        ),
    )


def _check_proxy(address: str | None, file: str) -> None:
    """A name or a port never equals what a connection comes from."""
    try:
        written = None if address is None else str(ip_address(address))
    except ValueError:
        written = None
    if written != address:
        raise ConfigurationError(
            file,
            "revocation.trusted_proxy",
            f"{address!r} is no IP address in its usual form",
            hint="such as 127.0.0.1 or ::1, without a port",
        )


def check_key_store(value: str, file: str, key: str) -> str:
    """The value, if it is one of `key_store`; `file` and `key` say where it stands.

    Raises:
        ConfigurationError: it is none.
    """
    if value == FILE_STORE:
        return value
    hint = "`file`, or pkcs11:token=LABEL?module-path=/…/module.so&pin-source=/…/pin"
    try:
        uri = parse_pkcs11_uri(value)
    except KeyProviderError as error:
        raise ConfigurationError(file, key, error.message, hint=hint) from None
    reason = None
    if not uri.names_token:
        reason = "does not say which token"
    elif uri.module_path is None or uri.pin_source is None:
        reason = "needs both module-path and pin-source"
    elif uri.label is not None or uri.id is not None or uri.type is not None:
        reason = "names a key; keys are named in the books"
    if reason is not None:
        raise ConfigurationError(file, key, reason, hint=hint)
    return value


_TABLES: Final = ("common", "authority", "revocation", "registry")
