"""The lint of certificates that were made from a template: quick, and no weaker.

What all certificates of a template have in common is linted once, in a specimen, with
the rules that are in force. Of each certificate, the exact bytes are read again: all
around the slots must be as in the template, and each slot must hold what no rule can
object to. Where that cannot be shown, the full lint judges.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.times import read_time, time_choice
from jpki.der.writer import sequence
from jpki.errors import EncodingError
from jpki.model.profiles import Validity
from jpki.model.residents import BasicInformation, Gender
from jpki.x509.basic_information import encode_basic_information
from jpki.x509.findings import Finding, Severity
from jpki.x509.issuers import MAX_ATTRIBUTE
from jpki.x509.lint import RULES, lint_certificate
from jpki.x509.templates import Mold, Template

__all__ = ["SLOT_RULES", "TemplateLint", "lint_of"]

SLOT_RULES: Final = frozenset(
    {
        "basic.personal-data",
        "name.value",
        "policies.read",
        "profile.end-of-day",
        "profile.validity",
        "serial",
        "subject-key-identifier",
        "validity.form",
        "validity.order",
    }
)
"""The rules that look at slots, and so are held to here for each certificate. All the
others look at nothing that differs between two certificates of a template."""

_TURNS: Final = sorted(
    {day for rule in RULES for day in (rule.effective, rule.ineffective) if day}
)
"""The days on which rules begin or cease to hold."""

_LEAST_SERIAL: Final = b"\x00\x80"
_ABOVE_SERIALS: Final = b"\x80"
"""In the order of octet strings, what is positive and minimal is between these: from
00 80 a leading zero is needed, from 80 on the number would be negative."""

_MAX_SERIAL_OCTETS: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateLint:
    """What to ask of certificates that have one template and one Validity."""

    template: Template
    period: bytes
    common: tuple[Finding, ...] | None
    """What the rules find in each of them whose other slots are beyond objection; None
    where no such thing can be said."""

    def findings(
        self, tbs: bytes, mold: Mold, slots: tuple[bytes, ...]
    ) -> tuple[Finding, ...]:
        """What the rules find in these bytes; the same as `lint_certificate` finds.

        Args:
            mold: what the template has around slots of these sizes.
            slots: what `Template.slots` gave, so that key, identifier and items are of
                the right form. Serial number and name need not be.
        """
        if self.common is not None and mold.read(tbs) == slots and self._sound(slots):
            return self.common
        return lint_certificate(tbs, self.template.profile)

    def _sound(self, slots: tuple[bytes, ...]) -> bool:
        """Whether no rule can object to what is in the slots."""
        serial, period, value, *_ = slots
        last = self.template.last
        plain = value.isalnum() and len(value) <= MAX_ATTRIBUTE
        return (
            period == self.period
            and _LEAST_SERIAL <= serial < _ABOVE_SERIALS
            and len(serial) <= _MAX_SERIAL_OCTETS
            and (not value if last is None else plain and last.oid == oids.COMMON_NAME)
        )


@lru_cache(maxsize=4096)
def lint_of(template: Template, period: bytes) -> TemplateLint:
    """The lint of certificates with this template and this Validity."""
    begins = _begins(template.profile.validity, period)
    return TemplateLint(
        template=template,
        period=period,
        common=None
        if begins is None
        else _common_findings(template, bisect_right(_TURNS, begins)),
    )


@lru_cache(maxsize=4096)
def _common_findings(template: Template, turn: int) -> tuple[Finding, ...] | None:
    """What the rules find in a specimen; None where one of them is an error."""
    begins = _TURNS[turn - 1] if turn else _TURNS[0] - timedelta(days=1)
    findings = lint_certificate(_specimen(template, begins), template.profile)
    if any(finding.severity is Severity.ERROR for finding in findings):
        return None
    return findings


_SPECIMEN_KEY: Final = bytes.fromhex(
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
) + bytes(64)
_SPECIMEN_ITEMS: Final = BasicInformation(
    name="見本　花子",
    address="見本",
    date_of_birth=date(1970, 1, 1),
    gender=Gender.UNKNOWN,
)


def _specimen(template: Template, begins: datetime) -> bytes:
    items = template.items
    ends = template.profile.validity.ends(begins)
    slots = template.slots(
        serial=1,
        period=sequence(time_choice(begins), time_choice(ends)),
        value=b"" if template.last is None else b"Specimen",
        public_key=_SPECIMEN_KEY,
        items=b""
        if items is None
        else encode_basic_information(_SPECIMEN_ITEMS, items.rule, japanese=True),
    )
    return template.mold(slots).fill(slots)


def _begins(validity: Validity, period: bytes) -> datetime | None:
    """The first second of a Validity to which no rule objects."""
    try:
        fields = read_one(period, 0x30).enter()
        times = [fields.next(), fields.next()]
        fields.finish()
        begins, ends = map(read_time, times)
    except EncodingError:
        return None
    last = ends + timedelta(hours=9)
    if (
        [element.raw for element in times] == [time_choice(begins), time_choice(ends)]
        and begins <= ends <= validity.ends(begins)
        and (
            not validity.end_of_day_jst
            or (last.hour, last.minute, last.second) == (23, 59, 59)
        )
    ):
        return begins
    return None
