"""Eras and the windows of algorithms, from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from jpki.data.tables import Table
from jpki.model.eras import Act, AlgorithmRule, Era, Window
from jpki.model.serials import SerialScheme
from jpki.model.suites import SUITES

__all__ = ["read_algorithm_rules", "read_era"]

_SCHEMES: Final = {scheme.value: scheme for scheme in SerialScheme}


def read_algorithm_rules(table: Table) -> Mapping[str, AlgorithmRule]:
    """One rule for each suite in this file.

    Raises:
        ProfileError: a suite is unknown or missing, or a window ends before it begins.
    """
    rules: dict[str, AlgorithmRule] = {}
    for suite_id, item in table.all_tables().items():
        if suite_id not in SUITES:
            raise table.error(suite_id, "unknown suite")
        windows = {act: _window(item, act.value) for act in Act}
        rules[suite_id] = AlgorithmRule(
            suite=suite_id,
            windows=MappingProxyType(windows),
            source=item.string("source"),
        )
        item.remark("unconfirmed")
        item.finish()
    for suite_id in SUITES:
        if suite_id not in rules:
            raise table.error(suite_id, "missing")
    return MappingProxyType(rules)


def _window(table: Table, key: str) -> Window:
    if key not in table:
        return Window()
    item = table.table(key)
    begins = item.optional_instant("begins")
    ends = item.optional_instant("ends")
    item.finish()
    if begins is not None and ends is not None and ends < begins:
        raise item.error("ends", "is before the beginning")
    return Window(
        None if begins is None else begins.astimezone(UTC),
        None if ends is None else ends.astimezone(UTC),
    )


def read_era(table: Table, rules: Mapping[str, AlgorithmRule]) -> Era:
    """The era in this file, with the rules of the suites that it knows.

    Raises:
        ProfileError: a key is missing, unknown or of no use.
    """
    roles = table.table("suites")
    known = {suite_id: suite_id for suite_id in SUITES}
    suites = {role: roles.choice(role, known) for role in roles}
    if not suites:
        raise table.error("suites", "is empty")
    accepted = table.choices("accepts", known) if "accepts" in table else ()
    era = Era(
        id=table.string("id"),
        title=table.string("title"),
        begins=table.day("begins"),
        ends=table.optional_day("ends"),
        suites=MappingProxyType(suites),
        profiles=MappingProxyType(table.mapping("profiles")),
        card=table.string("card"),
        rules=MappingProxyType(
            {suite_id: rules[suite_id] for suite_id in {*suites.values(), *accepted}}
        ),
        source=table.string("source"),
        serials=table.choice("serials", _SCHEMES)
        if "serials" in table
        else SerialScheme.MODERN,
        generations=_generations(table),
    )
    table.remark("unconfirmed")
    table.finish()
    return era


def _generations(table: Table) -> tuple[datetime, ...]:
    if "generations" not in table:
        return ()
    instants = tuple(at.astimezone(UTC) for at in table.instants("generations"))
    if list(instants) != sorted(set(instants)):
        raise table.error("generations", "are not in order of time")
    return instants
