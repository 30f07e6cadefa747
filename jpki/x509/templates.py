"""Certificates as fixed bytes with slots: one template for all that differ only there.

A template belongs to one profile, one key of one issuer, and the values that its
certificates share, such as the municipality. It is compiled once and never changes.
What differs is filled in: serial number, validity, the last attribute of the subject,
the public key with its identifier, and the four items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jpki.der.frames import Frame
from jpki.der.writer import boolean, explicit, integer, object_identifier, set_of
from jpki.model.names import Attribute, Name
from jpki.model.profiles import (
    ISSUER_VALUES,
    AttributeTemplate,
    BasicInformationNamesRule,
    CertificateProfile,
    SubjectKeyIdentifierRule,
    placeholders,
    template_texts,
)
from jpki.x509 import extensions
from jpki.x509.contents import Contents, extension_of
from jpki.x509.issuers import (
    IssuerView,
    fill_attribute,
    fill_name,
    template_values,
)
from jpki.x509.names import encode_attribute, encode_name

__all__ = [
    "EXTENSIONS",
    "TBS",
    "VERSION_3",
    "ItemsSlot",
    "Template",
    "template_of",
]

TBS: Final = Frame((0x30, b""))
EXTENSIONS: Final = Frame((0xA3, b""), (0x30, b""))
VERSION_3: Final = explicit(0, integer(2))

_NO_IDENTIFIER: Final = bytes(20)
"""Stands for the SHA-1 digest of a key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemsSlot:
    """Where the four items go, and how."""

    place: int
    rule: BasicInformationNamesRule
    frame: Frame
    """The extension around the GeneralNames."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Template:
    """What all certificates of one template have in common. Compared by identity."""

    profile: CertificateProfile
    issuer: IssuerView
    head: bytes
    """Signature algorithm and issuer."""
    names: Name
    """The subject without its last attribute, or the whole of it."""
    last: AttributeTemplate | None
    """None where the whole subject was given."""
    last_names_issuer: bool
    """Whether it takes values from the issuer's name."""
    subject: Frame
    """Around the value of the last attribute, or around nothing."""
    parts: tuple[bytes, ...]
    """The extensions in their order: fixed bytes, and nothing where a slot is."""
    key_place: int | None
    """The part that is the subject key identifier's octets."""
    items: ItemsSlot | None

    def last_attribute(self, values: Mapping[str, str]) -> Attribute | None:
        """The last attribute of the subject with these values.

        Raises:
            RuleViolation: a value is missing, or longer than X.520 allows.
        """
        if self.last is None:
            return None
        if self.last_names_issuer:
            values = template_values(self.issuer, values)
        return fill_attribute(self.last, values)

    def fill(
        self,
        *,
        serial: int,
        period: bytes,
        value: bytes,
        public_key: bytes,
        identifier: bytes,
        items: bytes,
    ) -> bytes:
        """The TBSCertificate with this in the slots.

        Args:
            period: the Validity, DER.
            value: of the subject's last attribute, content octets.
            items: the GeneralNames of the four items, without their header.
        """
        own = self.extensions(identifier, items)
        content = b"".join(
            (
                VERSION_3,
                integer(serial),
                self.head,
                period,
                self.subject.head(len(value)),
                value,
                public_key,
                EXTENSIONS.head(len(own)),
                own,
            )
        )
        return TBS.head(len(content)) + content

    def extensions(self, identifier: bytes, items: bytes) -> bytes:
        """All extensions, one after the other."""
        parts = list(self.parts)
        if self.key_place is not None:
            parts[self.key_place] = identifier
        if self.items is not None:
            parts[self.items.place] = self.items.frame.head(len(items)) + items
        return b"".join(parts)


def template_of(
    profile: CertificateProfile,
    issuer: IssuerView,
    values: Mapping[str, str],
    subject: Name | None,
    subject_alternative: Name | None,
) -> Template:
    """The template of certificates that share all this; compiled once.

    Raises:
        RuleViolation: a value that they share is missing or does not fit.
        EncodingError: a value cannot be encoded.
    """
    shared = tuple(map(values.get, _shared(profile)))
    return _compile(profile, issuer, shared, subject, subject_alternative)


@lru_cache(maxsize=256)
def _shared(profile: CertificateProfile) -> tuple[str, ...]:
    """The placeholders that stand anywhere but in the subject's last attribute."""
    texts = [attribute.value for attribute in (profile.subject or ())[:-1]]
    for rule in profile.extensions:
        texts += template_texts(rule)
    found = frozenset().union(*map(placeholders, texts))
    return tuple(sorted(found - ISSUER_VALUES))


@lru_cache(maxsize=4096)
def _compile(
    profile: CertificateProfile,
    issuer: IssuerView,
    shared: tuple[str | None, ...],
    subject: Name | None,
    subject_alternative: Name | None,
) -> Template:
    named = zip(_shared(profile), shared, strict=True)
    given = {name: value for name, value in named if value is not None}
    values = template_values(issuer, given)
    last = None
    if subject is None:
        *fixed, last = profile.subject or ()
        subject = fill_name(tuple(fixed), values)
    contents = Contents(
        issuer=issuer, values=values, subject_alternative=subject_alternative
    )
    parts: list[bytes] = []
    key_place, items = None, None
    for rule in profile.extensions:
        match rule:
            case SubjectKeyIdentifierRule():
                value = extensions.subject_key_identifier(_NO_IDENTIFIER)
                whole = extensions.extension(rule.oid, rule.critical, value)
                parts += whole.removesuffix(_NO_IDENTIFIER), b""
                key_place = len(parts) - 1
            case BasicInformationNamesRule():
                items = ItemsSlot(place=len(parts), rule=rule, frame=_items_frame(rule))
                parts.append(b"")
            case _:
                parts.append(extension_of(rule, contents))
    return Template(
        profile=profile,
        issuer=issuer,
        head=issuer.suite.algorithm_identifier + encode_name(issuer.name),
        names=subject,
        last=last,
        last_names_issuer=last is not None
        and not ISSUER_VALUES.isdisjoint(placeholders(last.value)),
        subject=_subject_frame(subject, last),
        parts=tuple(parts),
        key_place=key_place,
        items=items,
    )


def _items_frame(rule: BasicInformationNamesRule) -> Frame:
    lead = object_identifier(rule.oid) + (boolean(True) if rule.critical else b"")
    return Frame((0x30, lead), (0x04, b""), (0x30, b""))


def _subject_frame(names: Name, last: AttributeTemplate | None) -> Frame:
    fixed = b"".join(set_of(map(encode_attribute, rdn)) for rdn in names.rdns)
    if last is None:
        return Frame((0x30, fixed))
    kind = object_identifier(last.oid)
    return Frame(
        (0x30, fixed), (0x31, b""), (0x30, kind), (last.string_type.value, b"")
    )
