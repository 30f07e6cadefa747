"""Certificates as fixed bytes with slots: one template for all that differ only there.

A template belongs to one profile, one key of one issuer, and the values that its
certificates share, such as the municipality. It is compiled once and never changes.
What differs is filled in: serial number, validity, the last attribute of the subject,
the public key with its identifier, and the four items. Where the slots are of the same
sizes, all else is the same: that is a mold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Final

from jpki.der.frames import Frame
from jpki.der.writer import (
    boolean,
    explicit,
    header,
    integer,
    integer_octets,
    object_identifier,
    set_of,
)
from jpki.model.names import Name
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
    fill_name,
    fill_text,
    template_values,
)
from jpki.x509.keys import key_identifier
from jpki.x509.names import encode_attribute, encode_name, encode_text

__all__ = ["ItemsSlot", "Mold", "Template", "template_of"]

_TBS: Final = Frame((0x30, b""))
_EXTENSIONS: Final = Frame((0xA3, b""), (0x30, b""))
_VERSION_3: Final = explicit(0, integer(2))

_NO_IDENTIFIER: Final = bytes(20)
"""Stands for the SHA-1 digest of a key."""


class Mold:
    """Runs of fixed bytes, and a slot of fixed size between each two of them."""

    __slots__ = ("_layout", "_pieces", "_runs")

    def __init__(self, runs: Iterable[bytes], sizes: Iterable[int]) -> None:
        self._runs = tuple(runs)
        self._pieces = [piece for run in self._runs for piece in (run, b"")][:-1]
        lengths = [*map(len, self._pieces)]
        lengths[1::2] = sizes
        self._layout = Struct("".join(f"{length}s" for length in lengths))

    def fill(self, slots: tuple[bytes, ...]) -> bytes:
        """The whole with this in the slots, each of which it fills."""
        pieces = self._pieces.copy()
        pieces[1::2] = slots
        return b"".join(pieces)

    def read(self, data: bytes) -> tuple[bytes, ...] | None:
        """What is in the slots; None if anything is not as the mold has it."""
        if len(data) != self._layout.size:
            return None
        pieces: tuple[bytes, ...] = self._layout.unpack(data)
        return pieces[1::2] if pieces[::2] == self._runs else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemsSlot:
    """Where the four items go, and how."""

    rule: BasicInformationNamesRule
    frame: Frame
    """The extension around the GeneralNames."""
    first: bool
    """Whether they stand before the key's identifier."""


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
    extensions: tuple[bytes, bytes, bytes]
    """What is fixed of them: before, between and after the last two slots."""
    states_key: bool
    """Whether the key's identifier is in one of these."""
    items: ItemsSlot | None
    """How the four items are in the other."""

    def value(self, values: Mapping[str, str]) -> bytes:
        """The subject's last attribute with these values, content octets.

        Raises:
            RuleViolation: a value is missing, or longer than X.520 allows.
            EncodingError: it cannot be encoded.
        """
        if self.last is None:
            return b""
        if self.last_names_issuer:
            values = template_values(self.issuer, values)
        return encode_text(fill_text(self.last, values), self.last.string_type)

    def slots(
        self,
        *,
        serial: int,
        period: bytes,
        value: bytes,
        public_key: bytes,
        items: bytes,
    ) -> tuple[bytes, ...]:
        """What makes one certificate, in the order in which it stands there.

        Args:
            period: the Validity, DER.
            value: of the subject's last attribute, content octets.
            public_key: SubjectPublicKeyInfo, DER; its identifier goes with it.
            items: what `encode_basic_information` gave for them, if it was asked.

        Raises:
            EncodingError: the key is not one.
        """
        identifier = key_identifier(public_key)
        if not self.states_key:
            identifier = b""
        last = (identifier, items)
        if self.items is not None and self.items.first:
            last = (items, identifier)
        return integer_octets(serial), period, value, public_key, *last

    def mold(self, slots: tuple[bytes, ...]) -> Mold:
        """The TBSCertificate around slots of these sizes."""
        return _mold(self, *map(len, slots))


@lru_cache(maxsize=8192)
def _mold(
    template: Template, serial: int, period: int, value: int, key: int, *last: int
) -> Mold:
    before, between, after = template.extensions
    if template.items is not None:
        if template.items.first:
            before += template.items.frame.head(last[0])
        else:
            between += template.items.frame.head(last[1])
    own = len(before) + len(between) + len(after) + sum(last)
    runs = [
        _VERSION_3 + header(0x02, serial),
        template.head,
        template.subject.head(value),
        b"",
        _EXTENSIONS.head(own) + before,
        between,
        after,
    ]
    sizes = (serial, period, value, key, *last)
    runs[0] = _TBS.head(sum(map(len, runs)) + sum(sizes)) + runs[0]
    return Mold(runs, sizes)


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
    runs = [b""]
    states_key, items = False, None
    for rule in profile.extensions:
        match rule:
            case SubjectKeyIdentifierRule():
                value = extensions.subject_key_identifier(_NO_IDENTIFIER)
                whole = extensions.extension(rule.oid, rule.critical, value)
                runs[-1] += whole.removesuffix(_NO_IDENTIFIER)
                runs.append(b"")
                states_key = True
            case BasicInformationNamesRule():
                runs.append(b"")
                items = ItemsSlot(
                    rule=rule, frame=_items_frame(rule), first=not states_key
                )
            case _:
                runs[-1] += extension_of(rule, contents)
    runs += [b""] * (3 - len(runs))
    return Template(
        profile=profile,
        issuer=issuer,
        head=issuer.suite.algorithm_identifier + encode_name(issuer.name),
        names=subject,
        last=last,
        last_names_issuer=last is not None
        and not ISSUER_VALUES.isdisjoint(placeholders(last.value)),
        subject=_subject_frame(subject, last),
        extensions=(runs[0], runs[1], runs[2]),
        states_key=states_key,
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
