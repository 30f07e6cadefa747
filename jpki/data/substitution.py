"""The characters that certificates lack, and what stands for them."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

from jpki.data.files import packaged
from jpki.data.tables import Table
from jpki.model.characters import Substitution, in_repertoire

__all__ = ["read_substitution", "substitutions"]


@cache
def substitutions() -> Substitution:
    """代替文字: the packaged table."""
    return read_substitution(packaged("substitution.toml"))


def read_substitution(table: Table) -> Substitution:
    """The table in this file.

    Raises:
        ProfileError: a replacement is not one character that certificates can hold.
    """
    inner = table.table("replacements")
    replacements = {character: inner.string(character) for character in inner}
    for character, replacement in replacements.items():
        if len(character) != 1 or in_repertoire(character):
            raise inner.error(character, "is not one character outside the repertoire")
        if len(replacement) != 1 or not in_repertoire(replacement):
            raise inner.error(character, "its replacement cannot stand either")
    fallback = table.string("fallback")
    if len(fallback) != 1 or not in_repertoire(fallback):
        raise table.error("fallback", "must be one character of the repertoire")
    result = Substitution(
        replacements=MappingProxyType(replacements),
        fallback=fallback,
        source=table.string("source"),
    )
    table.remark("unconfirmed")
    table.finish()
    return result
