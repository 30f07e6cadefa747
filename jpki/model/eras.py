"""Eras: which algorithms may issue, sign and be verified, and until when.

An algorithm dies three times: first for issuing, then for signing, last for verifying.
An era names the suites and profiles of one period of the service; the windows belong
to the suites themselves and are the same in every era.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from jpki.errors import AlgorithmError
from jpki.model.serials import SerialScheme
from jpki.model.suites import SuiteId

__all__ = ["Act", "AlgorithmRule", "Era", "Judgement", "Window"]


class Act(Enum):
    """What an algorithm is wanted for."""

    ISSUE = "issue"
    """Signing certificates, CRLs and OCSP responses, or certifying such a key."""
    SIGN = "sign"
    """Signing documents and requests."""
    VERIFY = "verify"
    """Relying on a signature that was made before."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when; both ends belong to it, None is open."""

    begins: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AlgorithmRule:
    """移行指針 for one suite: a window for each act, and who says so."""

    suite: SuiteId
    windows: Mapping[Act, Window]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Whether a suite may be used for an act at an instant, and why."""

    allowed: bool
    until: datetime | None
    """The last instant at which it is or was allowed, where there is one."""
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Era:
    """One period of the service with one set of algorithms, profiles and cards."""

    id: str
    title: str
    begins: date
    """History, for people to read; what is allowed comes from `rules`."""
    ends: date | None
    suites: Mapping[str, SuiteId]
    """The key that each role gets: `authority`, `bridge`, `responder`, `operator`, …"""
    profiles: Mapping[str, str]
    """The profile of each role's certificate, and of `crl`, `crl-partition`, `arl`."""
    card: str
    rules: Mapping[SuiteId, AlgorithmRule]
    """The suites that are known in this era, those of earlier eras included."""
    source: str
    serials: SerialScheme = SerialScheme.MODERN
    """How its authorities number certificates."""
    generations: tuple[datetime, ...] = ()
    """When its authorities got their keys, first to last, as far as that is history."""

    def judge(self, suite_id: SuiteId, act: Act, at: datetime) -> Judgement:
        """May this suite be used for this act at this instant?"""
        rule = self.rules.get(suite_id)
        if rule is None:
            return Judgement(
                allowed=False, until=None, reason=f"not in use in era {self.id}"
            )
        window = rule.windows[act]
        if window.begins is not None and at < window.begins:
            reason = f"not before {window.begins:%Y-%m-%d} ({rule.source})"
            return Judgement(allowed=False, until=window.ends, reason=reason)
        if window.ends is not None and at > window.ends:
            reason = f"not after {window.ends:%Y-%m-%d} ({rule.source})"
            return Judgement(allowed=False, until=window.ends, reason=reason)
        return Judgement(allowed=True, until=window.ends, reason=rule.source)

    def require(self, suite_id: SuiteId, act: Act, at: datetime) -> None:
        """Refuse what `judge` does not allow.

        Raises:
            AlgorithmError: the suite may not be used for this act at this instant.
        """
        judgement = self.judge(suite_id, act, at)
        if not judgement.allowed:
            raise AlgorithmError(
                suite_id, act.value, at, until=judgement.until, reason=judgement.reason
            )
