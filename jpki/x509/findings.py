"""What a rule is, and what it says when it is not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

from jpki.errors import EncodingError, RuleViolation

__all__ = [
    "Finding",
    "Rule",
    "Severity",
    "findings_of",
    "refuse_errors",
    "unreadable",
]

Subject = TypeVar("Subject")
Profile = TypeVar("Profile")


class Severity(Enum):
    """How bad."""

    ERROR = "error"
    """Must not be signed."""
    WARNING = "warning"
    """Against a SHOULD; recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One rule that is not kept."""

    rule: str
    severity: Severity
    citation: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule(Generic[Subject, Profile]):
    """One rule, and from when until when it holds."""

    id: str
    severity: Severity
    citation: str
    check: Callable[[Subject, Profile], str | None]
    """What is wrong, in words, or None."""
    effective: datetime | None = None
    ineffective: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether the rule was in force at this instant."""
        return not (
            (self.effective is not None and at < self.effective)
            or (self.ineffective is not None and at >= self.ineffective)
        )


def findings_of(
    rules: Iterable[Rule[Subject, Profile]],
    subject: Subject,
    profile: Profile,
    at: datetime,
) -> tuple[Finding, ...]:
    """What those rules find that are in force at this instant."""
    findings: list[Finding] = []
    for rule in rules:
        if not rule.holds(at):
            continue
        try:
            message = rule.check(subject, profile)
        except EncodingError as error:
            return (*findings, unreadable(error))
        if message is not None:
            findings.append(
                Finding(
                    rule=rule.id,
                    severity=rule.severity,
                    citation=rule.citation,
                    message=message,
                )
            )
    return tuple(findings)


def unreadable(error: EncodingError) -> Finding:
    """What is found in bytes that cannot be read."""
    return Finding(
        rule="der",
        severity=Severity.ERROR,
        citation="X.690, RFC 5280 4.1 and 5.1",
        message=error.message,
    )


def refuse_errors(findings: Iterable[Finding]) -> None:
    """Stop what would break a rule from being signed.

    Raises:
        RuleViolation: one of these is an error.
    """
    for finding in findings:
        if finding.severity is Severity.ERROR:
            raise RuleViolation(finding.rule, finding.citation, finding.message)
