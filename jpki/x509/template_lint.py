"""The lint of certificates that were made from a template: quick, and no weaker.

What all certificates of a template have in common is linted once, in a specimen, with
the rules that are in force. Of each certificate, the exact bytes are read again: the
fixed parts must be those of the template, and each slot must hold what no rule can
object to. Where that cannot be shown, the full lint judges.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.times import read_time, time_choice
from jpki.der.writer import sequence
from jpki.errors import EncodingError
from jpki.model.profiles import CertificateProfile
from jpki.model.residents import BasicInformation, Gender
from jpki.x509.basic_information import (
    encode_basic_information,
)
from jpki.x509.findings import Finding, Severity
from jpki.x509.issuers import MAX_ATTRIBUTE
from jpki.x509.keys import key_identifier, usual_key_end
from jpki.x509.lint import RULES, lint_certificate
from jpki.x509.templates import (
    EXTENSIONS,
    TBS,
    VERSION_3,
    Template,
)

__all__ = ["SLOT_RULES", "lint_filled"]

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

_MAX_SERIAL_OCTETS: Final = 20
_HEADER: Final = 4
"""Octets before the content of a SEQUENCE of 256 octets or more."""
_LEAST: Final = 260
"""Octets; fewer would have a shorter header, and no certificate has fewer."""


def lint_filled(
    template: Template, tbs: bytes, items: bytes = b""
) -> tuple[Finding, ...]:
    """What the rules find in these bytes; the same as `lint_certificate` finds.

    Args:
        items: what `encode_basic_information` gave for them, if it was asked.
    """
    not_before = _read(template, tbs, items)
    if not_before is not None:
        findings = _common_findings(template, bisect_right(_TURNS, not_before))
        if findings is not None:
            return findings
    return lint_certificate(tbs, template.profile)


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
    return template.fill(
        serial=1,
        period=sequence(time_choice(begins), time_choice(ends)),
        value=b"" if template.last is None else b"Specimen",
        public_key=_SPECIMEN_KEY,
        identifier=key_identifier(_SPECIMEN_KEY),
        items=b""
        if items is None
        else encode_basic_information(_SPECIMEN_ITEMS, items.rule, japanese=True),
    )


# -- reading the exact bytes ----------------------------------------------------------


def _read(template: Template, tbs: bytes, items: bytes) -> datetime | None:
    """When the certificate begins, if slots and fixed parts are beyond objection.

    Every octet is accounted for. The slots are read from the bytes; `items` is what
    `encode_basic_information` gave, which is of no other than the right form, and just
    that must stand there.
    """
    head = template.head
    size = len(tbs)
    if size < _LEAST or not tbs.startswith(TBS.head(size - _HEADER) + VERSION_3):
        return None
    at = _after_serial(tbs, _HEADER + len(VERSION_3))
    end = at + len(head)
    if not at or not tbs.startswith(head, at) or size < end + _LEAST:
        return None
    at, end = end, end + 2 + tbs[end + 1]
    not_before = _begins(template.profile, tbs[at:end])
    at = _after_subject(template, tbs, end)
    end = usual_key_end(tbs, at)
    own = template.extensions(key_identifier(tbs[at:end]), items) if at < end else b""
    if tbs[end:] != EXTENSIONS.head(len(own)) + own:
        return None
    return not_before


def _after_serial(tbs: bytes, at: int) -> int:
    """The position after a positive INTEGER of at most twenty octets; 0 if not one."""
    tag, size, first, second = tbs[at : at + 4]
    positive = 0 < first < 0x80 or (first == 0 and size > 1 and second >= 0x80)
    if tag == 0x02 and 0 < size <= _MAX_SERIAL_OCTETS and positive:
        return at + 2 + size
    return 0


def _after_subject(template: Template, tbs: bytes, at: int) -> int:
    """The position after a subject of letters and digits; the end if it is not one."""
    start, end = template.subject.read(tbs, at)
    last = template.last
    if last is None or (
        last.oid == oids.COMMON_NAME
        and end - start <= MAX_ATTRIBUTE
        and tbs[start:end].isalnum()
    ):
        return end
    return len(tbs)


@lru_cache(maxsize=4096)
def _begins(profile: CertificateProfile, period: bytes) -> datetime | None:
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
        and begins <= ends <= profile.validity.ends(begins)
        and (
            not profile.validity.end_of_day_jst
            or (last.hour, last.minute, last.second) == (23, 59, 59)
        )
    ):
        return begins
    return None
