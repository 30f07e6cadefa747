"""Templates of names and texts from TOML; remembers which placeholders they use."""

from __future__ import annotations

from typing import Final

from jpki.data.tables import Table
from jpki.der import oids
from jpki.der.writer import object_identifier
from jpki.errors import EncodingError
from jpki.model.names import StringType
from jpki.model.profiles import AttributeTemplate, NameTemplate, placeholders

__all__ = ["Templates"]

_ATTRIBUTES: Final = {
    "C": oids.COUNTRY,
    "O": oids.ORGANIZATION,
    "OU": oids.ORGANIZATIONAL_UNIT,
    "ST": oids.STATE_OR_PROVINCE,
    "L": oids.LOCALITY,
    "CN": oids.COMMON_NAME,
    "serialNumber": oids.SERIAL_NUMBER,
}
_STRINGS: Final = {"utf8": StringType.UTF8, "printable": StringType.PRINTABLE}


class Templates:
    """Reads templates and remembers which placeholders they use."""

    def __init__(self, known: frozenset[str]) -> None:
        self._known = known
        self._used: set[str] = set()

    @property
    def used(self) -> frozenset[str]:
        """The placeholders met so far."""
        return frozenset(self._used)

    def text(self, table: Table, key: str) -> str:
        """A text whose placeholders are all known."""
        value = table.string(key)
        named = placeholders(value)
        if unknown := named - self._known:
            raise table.error(key, f"unknown placeholder {{{min(unknown)}}}")
        self._used |= named
        return value

    def oid(self, table: Table, key: str) -> str:
        """An object identifier, or a placeholder for one."""
        value = self.text(table, key)
        if not placeholders(value):
            try:
                object_identifier(value)
            except EncodingError as error:
                raise table.error(key, error.reason) from None
        return value

    def name(self, table: Table, key: str) -> NameTemplate:
        """A list of attributes, one for each RDN."""
        return tuple(self._attribute(item) for item in table.tables(key))

    def _attribute(self, table: Table) -> AttributeTemplate:
        oid = table.choice("type", _ATTRIBUTES)
        kind = _STRINGS["utf8"]
        if "string" in table:
            kind = table.choice("string", _STRINGS)
        value = self.text(table, "value")
        table.finish()
        return AttributeTemplate(oid, value, kind)
