"""Column types: domain values go in and come out; the database sees plain ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, ClassVar, Final, TypeVar

from sqlalchemy import DateTime, Dialect, SmallInteger, String, TypeDecorator

from jpki.errors import JpkiError, StoreError
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.revocation import RevocationReason

__all__ = ["Choice", "Instant", "Municipality", "Reason", "ResidentRecord", "Serial"]

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


_REMEMBERED: Final = 1024
"""Values of a column that are translated once, where rows share most of them."""


class _Value(TypeDecorator[T]):
    """A domain value. What somebody else wrote in its place raises only our error."""

    impl: Any = String
    cache_ok = True
    shared: ClassVar[bool] = True
    """Whether many rows have the same value."""

    def bind_processor(self, dialect: Dialect) -> Callable[[T | None], Any] | None:
        """As usual; what many rows share is translated once."""
        process = super().bind_processor(dialect)
        if process is None or not self.shared:
            return process
        return lru_cache(maxsize=_REMEMBERED)(process)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], T | None] | None:
        """As usual, but for the errors; what many rows share is translated once."""
        process = super().result_processor(dialect, coltype)
        if process is None:
            return None

        def read(value: Any) -> T | None:
            try:
                return process(value)
            except (ValueError, TypeError, JpkiError):
                raise StoreError(
                    f"the database holds {str(value)[:40]!r} as {type(self).__name__}",
                    hint="find out with `jpki audit verify` what else was altered",
                ) from None

        return lru_cache(maxsize=_REMEMBERED)(read) if self.shared else read


class Instant(_Value[datetime]):
    """An aware moment. SQLite has no zones, so there it is stored as bare UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Refuse bare times; keep UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise StoreError("a time without zone cannot be stored")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Give UTC back."""
        if value is None:
            return None
        return (
            value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        )


class Serial(_Value[int]):
    """A certificate serial number, up to 20 octets (RFC 5280 4.1.2.2), as hex."""

    impl = String(40)
    cache_ok = True
    shared = False

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """Even number of digits, as people and `openssl` write it."""
        if value is None:
            return None
        text = f"{value:x}"
        return text if len(text) % 2 == 0 else f"0{text}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        """Back to the number."""
        return None if value is None else int(value, 16)


class Choice(_Value[E]):
    """An enumeration, stored as its word."""

    impl = String(32)
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: E | None, dialect: Dialect) -> Any:
        """The member's value."""
        return None if value is None else value.value

    def process_result_value(self, value: Any, dialect: Dialect) -> E | None:
        """The member."""
        return None if value is None else self.kind(value)


class Reason(_Value[RevocationReason]):
    """CRLReason, stored as its number (RFC 5280 5.3.1)."""

    impl = SmallInteger()
    cache_ok = True

    def process_bind_param(
        self, value: RevocationReason | None, dialect: Dialect
    ) -> int | None:
        """The number."""
        return None if value is None else int(value)

    def process_result_value(
        self, value: int | None, dialect: Dialect
    ) -> RevocationReason | None:
        """The reason."""
        return None if value is None else RevocationReason(value)


class Municipality(_Value[MunicipalityCode]):
    """全国地方公共団体コード with its check digit."""

    impl = String(6)
    cache_ok = True

    def process_bind_param(
        self, value: MunicipalityCode | None, dialect: Dialect
    ) -> str | None:
        """The six digits."""
        return None if value is None else value.digits

    def process_result_value(
        self, value: str | None, dialect: Dialect
    ) -> MunicipalityCode | None:
        """The code, its check digit checked again."""
        return None if value is None else MunicipalityCode(value)


class ResidentRecord(_Value[ResidentCode]):
    """住民票コード."""

    impl = String(11)
    cache_ok = True
    shared = False

    def process_bind_param(
        self, value: ResidentCode | None, dialect: Dialect
    ) -> str | None:
        """The eleven digits."""
        return None if value is None else value.digits

    def process_result_value(
        self, value: str | None, dialect: Dialect
    ) -> ResidentCode | None:
        """The code, its check digit checked again."""
        return None if value is None else ResidentCode(value)
