"""The authorities of the test PKI: their names and policies, from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jpki.data.tables import Table
from jpki.data.templates import Templates
from jpki.der import oids
from jpki.model.names import Attribute, Name
from jpki.model.places import Prefecture
from jpki.model.profiles import NameTemplate, fill

__all__ = ["AuthorityNames", "Topology", "read_topology"]

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorityNames:
    """The name of an authority, and the same in Japanese for its alternative name."""

    name: NameTemplate
    alternative: NameTemplate


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """47 governors' authorities and their bridge, or the two national ones."""

    governor: AuthorityNames
    bridge: AuthorityNames
    national_signature: AuthorityNames
    national_authentication: AuthorityNames
    time_root: AuthorityNames
    governor_policy: str
    """The policy that governors' authorities issue under."""
    bridge_policy: str
    timestamp_policy: str
    """What a test time-stamp authority says the time under."""
    source: str

    @property
    def organisation(self) -> str:
        """What the whole PKI calls itself; says that it is a test."""
        return self.bridge_name.first(oids.ORGANIZATION) or ""

    def governor_name(self, prefecture: Prefecture) -> Name:
        """The name of this prefecture's authority."""
        return _filled(self.governor.name, _of(prefecture))

    def governor_alternative_name(self, prefecture: Prefecture) -> Name:
        """The Japanese name of this prefecture's authority."""
        return _filled(self.governor.alternative, _of(prefecture))

    @property
    def bridge_name(self) -> Name:
        """The name of the bridge authority."""
        return _filled(self.bridge.name, _NOTHING)

    @property
    def bridge_alternative_name(self) -> Name:
        """The Japanese name of the bridge authority."""
        return _filled(self.bridge.alternative, _NOTHING)

    @property
    def national_signature_names(self) -> tuple[Name, Name]:
        """The national authority for signatures: its name, and the same in Japanese."""
        return _both(self.national_signature)

    @property
    def national_authentication_names(self) -> tuple[Name, Name]:
        """The national authority for user authentication, in the same way."""
        return _both(self.national_authentication)

    @property
    def time_root_names(self) -> tuple[Name, Name]:
        """The root of time-stamp authorities, in the same way."""
        return _both(self.time_root)


def _both(names: AuthorityNames) -> tuple[Name, Name]:
    return _filled(names.name, _NOTHING), _filled(names.alternative, _NOTHING)


def _of(prefecture: Prefecture) -> Mapping[str, str]:
    return {"prefecture": prefecture.romaji, "prefecture_ja": prefecture.name}


def _filled(template: NameTemplate, values: Mapping[str, str]) -> Name:
    return Name.of(
        *(
            Attribute(item.oid, fill(item.value, values), item.string_type)
            for item in template
        )
    )


def read_topology(table: Table) -> Topology:
    """The topology in this file.

    Raises:
        ProfileError: a key is missing, unknown or of no use.
    """

    def names(key: str, *allowed: str) -> AuthorityNames:
        texts = Templates(frozenset(allowed))
        item = table.table(key)
        found = AuthorityNames(
            name=texts.name(item, "name"), alternative=texts.name(item, "alternative")
        )
        item.finish()
        return found

    policies = table.table("policies")
    fixed = Templates(frozenset())
    topology = Topology(
        governor=names("governor", "prefecture", "prefecture_ja"),
        bridge=names("bridge"),
        national_signature=names("national-signature"),
        national_authentication=names("national-authentication"),
        time_root=names("time-root"),
        governor_policy=fixed.oid(policies, "governor"),
        bridge_policy=fixed.oid(policies, "bridge"),
        timestamp_policy=fixed.oid(policies, "timestamps"),
        source=table.string("source"),
    )
    policies.finish()
    table.remark("unconfirmed")
    table.finish()
    return topology
