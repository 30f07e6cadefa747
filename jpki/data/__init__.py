"""What the service's eras, profiles, places and names are: packaged files as values.

Each file says where its contents come from and what no public source confirms. A
deployer's own files are read by the same readers, which are loaded when they are
needed: whoever only asks for an era pays for no profiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from jpki.data.eras import read_algorithm_rules, read_era
from jpki.data.files import FOLDER, packaged, packaged_ids
from jpki.data.tables import Table, load_table
from jpki.errors import NotFound, ProfileError
from jpki.model.eras import AlgorithmRule, Era

if TYPE_CHECKING:
    from jpki.data.authority_names import Topology
    from jpki.data.grounds import Ground
    from jpki.model.characters import Substitution
    from jpki.model.codes import MunicipalityCode
    from jpki.model.events import EventKind
    from jpki.model.places import Municipality, Prefecture
    from jpki.model.profiles import CertificateProfile, CRLProfile

    _P = TypeVar("_P", CertificateProfile, CRLProfile)

__all__ = [
    "Profiles",
    "algorithm_rules",
    "certificate_profile",
    "certificate_profiles",
    "crl_profile",
    "crl_profiles",
    "era",
    "era_ids",
    "eras",
    "governor_policy",
    "load_crl_profile_file",
    "load_era_file",
    "load_profile_directory",
    "load_profile_file",
    "load_topology_file",
    "municipalities",
    "prefectures",
    "revocation_grounds",
    "substitutions",
    "topology",
]


@cache
def algorithm_rules() -> Mapping[str, AlgorithmRule]:
    """From when until when each suite may issue, sign and be verified."""
    return read_algorithm_rules(packaged("algorithms.toml"))


@cache
def eras() -> Mapping[str, Era]:
    """The packaged eras by their identifiers."""
    return MappingProxyType({era_id: _era(era_id) for era_id in era_ids()})


def era_ids() -> tuple[str, ...]:
    """The identifiers of the packaged eras."""
    return packaged_ids("era_files")


@cache
def _era(era_id: str) -> Era:
    return read_era(packaged(f"era_files/{era_id}.toml"), algorithm_rules())


def era(era_id: str) -> Era:
    """A packaged era.

    Raises:
        NotFound: there is none of this name.
    """
    if era_id not in era_ids():
        raise NotFound("era", era_id)
    return _era(era_id)


def certificate_profiles() -> tuple[str, ...]:
    """The identifiers of the packaged certificate profiles."""
    return packaged_ids("certificate_profiles")


@cache
def certificate_profile(profile_id: str) -> CertificateProfile:
    """A packaged certificate profile.

    Raises:
        NotFound: there is none of this name.
    """
    if profile_id not in certificate_profiles():
        raise NotFound("certificate profile", profile_id)
    from jpki.data.profiles import read_certificate_profile

    return read_certificate_profile(packaged(f"certificate_profiles/{profile_id}.toml"))


def crl_profiles() -> tuple[str, ...]:
    """The identifiers of the packaged CRL profiles."""
    return packaged_ids("crl_profiles")


@cache
def crl_profile(profile_id: str) -> CRLProfile:
    """A packaged CRL profile.

    Raises:
        NotFound: there is none of this name.
    """
    if profile_id not in crl_profiles():
        raise NotFound("CRL profile", profile_id)
    from jpki.data.profiles import read_crl_profile

    return read_crl_profile(packaged(f"crl_profiles/{profile_id}.toml"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Profiles:
    """Profiles by their identifiers: a deployer's own before the packaged ones."""

    certificates: Mapping[str, CertificateProfile] = field(default_factory=dict)
    lists: Mapping[str, CRLProfile] = field(default_factory=dict)

    def certificate_profile(self, profile_id: str) -> CertificateProfile:
        """The profile of certificates that is in force under this identifier.

        Raises:
            NotFound: there is none of this name.
        """
        own = self.certificates.get(profile_id)
        return certificate_profile(profile_id) if own is None else own

    def crl_profile(self, profile_id: str) -> CRLProfile:
        """The profile of CRLs, in the same way."""
        own = self.lists.get(profile_id)
        return crl_profile(profile_id) if own is None else own


@cache
def prefectures() -> Mapping[str, Prefecture]:
    """The 47 prefectures by their two digits (JIS X 0401)."""
    from jpki.data.places import read_prefectures

    return read_prefectures(FOLDER / "prefectures.csv")


@cache
def municipalities() -> Mapping[MunicipalityCode, Municipality]:
    """Municipalities by their codes: a selection from every prefecture."""
    from jpki.data.places import read_municipalities

    return read_municipalities(FOLDER / "municipalities.csv", prefectures())


@cache
def revocation_grounds() -> Mapping[EventKind, Ground]:
    """What each change in the register does to certificates."""
    from jpki.data.grounds import read_grounds

    return read_grounds(packaged("revocation.toml"))


@cache
def topology() -> Topology:
    """The authorities of the test PKI."""
    from jpki.data.authority_names import read_topology

    return read_topology(packaged("topology.toml"))


def governor_policy() -> str:
    """The policy that governors' authorities issue under, as `topology` has it."""
    return packaged("topology.toml").table("policies").string("governor")


def substitutions() -> Substitution:
    """The packaged substitute characters."""
    from jpki.data.substitution import substitutions as packaged_ones

    return packaged_ones()


# -- a deployer's own files -----------------------------------------------------------


def load_profile_file(path: Path) -> CertificateProfile:
    """A certificate profile from a file.

    Raises:
        ProfileError: the file cannot be used; names key, line and reason.
    """
    from jpki.data.profiles import read_certificate_profile

    return read_certificate_profile(load_table(path))


def load_profile_directory(folder: Path) -> Profiles:
    """The profiles in `certificate_profiles/*.toml` and `crl_profiles/*.toml`.

    Raises:
        ProfileError: a file cannot be used, takes no packaged profile's place, or there
            is none.
    """
    from jpki.data.profiles import read_certificate_profile, read_crl_profile

    own = Profiles(
        certificates=_own_files(
            folder / "certificate_profiles",
            read_certificate_profile,
            certificate_profiles(),
        ),
        lists=_own_files(folder / "crl_profiles", read_crl_profile, crl_profiles()),
    )
    if not own.certificates and not own.lists:
        raise ProfileError(str(folder), "(folder)", "there are no profiles in it")
    return own


def _own_files(
    folder: Path, read: Callable[[Table], _P], packaged: tuple[str, ...]
) -> Mapping[str, _P]:
    found: dict[str, _P] = {}
    for path in sorted(folder.glob("*.toml")):
        profile = read(load_table(path))
        if profile.id not in packaged:
            raise ProfileError(str(path), "id", f"not one of {', '.join(packaged)}")
        if profile.id in found:
            raise ProfileError(str(path), "id", "another file has it too")
        found[profile.id] = profile
    return found


def load_crl_profile_file(path: Path) -> CRLProfile:
    """A CRL profile from a file.

    Raises:
        ProfileError: as above.
    """
    from jpki.data.profiles import read_crl_profile

    return read_crl_profile(load_table(path))


def load_era_file(path: Path) -> Era:
    """An era from a file, with the packaged windows of algorithms.

    Raises:
        ProfileError: as above.
    """
    return read_era(load_table(path), algorithm_rules())


def load_topology_file(path: Path) -> Topology:
    """The names of a deployer's authorities.

    Raises:
        ProfileError: as above.
    """
    from jpki.data.authority_names import read_topology

    return read_topology(load_table(path))
