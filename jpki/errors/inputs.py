"""Bytes, profiles, settings and rules that do not fit."""

from __future__ import annotations

from datetime import datetime

from jpki.errors.base import JpkiError

__all__ = [
    "AlgorithmError",
    "ConfigurationError",
    "EncodingError",
    "ProfileError",
    "RuleViolation",
]


class EncodingError(JpkiError):
    """Bytes are not the DER, name or time they should be (X.690, RFC 5280)."""

    code = "encoding"

    def __init__(
        self, reason: str, *, offset: int | None = None, tag: int | None = None
    ) -> None:
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(f"{reason}{where}")
        self.reason = reason
        self.offset = offset
        self.tag = tag


class ProfileError(JpkiError):
    """A profile, era or policy file says something that cannot be used."""

    code = "profile"

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason


class ConfigurationError(JpkiError):
    """A setting is missing, unknown or unusable; names the file and the key."""

    code = "configuration"

    def __init__(
        self, file: str, key: str, reason: str, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{file}: {key}: {reason}", hint=hint)
        self.file = file
        self.key = key
        self.reason = reason


class RuleViolation(JpkiError):
    """A rule said no before signing."""

    code = "rule"

    def __init__(self, rule: str, citation: str, reason: str) -> None:
        super().__init__(f"{rule}: {reason} ({citation})")
        self.rule = rule
        self.citation = citation
        self.reason = reason


class AlgorithmError(JpkiError):
    """A suite is not allowed for this act at this time."""

    code = "algorithm"

    def __init__(
        self,
        suite: str,
        act: str,
        at: datetime,
        *,
        until: datetime | None = None,
        reason: str = "not allowed in this era",
    ) -> None:
        super().__init__(f"{suite} may not {act} on {at:%Y-%m-%d}: {reason}")
        self.suite = suite
        self.act = act
        self.at = at
        self.until = until
        self.reason = reason
