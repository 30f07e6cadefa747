"""Revocation lists drawn by chance (RFC 5280 5, 6.3): an authority, its lists, a word.

Full lists, deltas, lists of one distribution point or of some reasons, indirect ones by
another's key; expired, early, forged, by another key of the same name, with extensions
that nobody knows; and several of them at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from jpki.der import oids
from jpki.der.times import time_choice
from jpki.der.writer import enumerated, explicit, integer, named_bits, sequence, tlv
from jpki.keys.software import SoftwareSigner
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Name
from jpki.x509.extensions import extension
from jpki.x509.general_names import (
    DirectoryName,
    URIName,
    encode_general_name,
    encode_general_names,
)
from jpki.x509.keys import key_identifier
from jpki.x509.names import encode_attribute, encode_name
from tests.support.chance_pki import Case, Chance, Holder, authority, usages
from tests.support.pki import (
    NOW,
    T0,
    delta_indicator,
    key,
    name,
    signed,
    unknown_extension,
)

__all__ = ["lists"]

_PLACES: Final = ("http://example.jp/1.crl", "http://example.jp/2.crl")
_HOUR: Final = timedelta(hours=1)
_REVOKED: Final = T0 + timedelta(days=1)


@dataclass(kw_only=True)
class _List:
    """A list before it is signed; made by chance, so it changes."""

    issuer: Name
    signer: SoftwareSigner
    number: int = 5
    this_update: datetime = NOW - _HOUR
    next_update: datetime | None = NOW + _HOUR
    entries: list[bytes] = field(default_factory=list)
    extensions: list[bytes] = field(default_factory=list)

    def der(self) -> bytes:
        """Signed."""
        identifier = sequence(tlv(0x80, key_identifier(self.signer.public_key)))
        ends = () if self.next_update is None else (time_choice(self.next_update),)
        tbs = sequence(
            integer(1),
            self.signer.suite.algorithm_identifier,
            encode_name(self.issuer),
            time_choice(self.this_update),
            *ends,
            *((sequence(*self.entries),) if self.entries else ()),
            explicit(
                0,
                sequence(
                    extension(oids.AUTHORITY_KEY_IDENTIFIER, False, identifier),
                    extension(oids.CRL_NUMBER, False, integer(self.number)),
                    *self.extensions,
                ),
            ),
        )
        return signed(tbs, self.signer)


def lists(chance: Chance) -> Case:
    """One or two authorities, a subscriber, and what their lists say of them."""
    draw = chance.random
    anchor = above = chance.root()
    middle: list[Holder] = []
    found: list[_List] = []
    for level in range(1, draw.randrange(1, 4)):
        own = chance.certify(
            above, name(f"chance {level}"), f"chance {level}", authority()
        )
        found += _good(chance, above, own, rarely=0.05)
        middle.append(own)
        above = own
    if not middle:
        # OpenSSL asks for a list about the anchor as well: that shall not be the one
        # about the subscriber.
        above = chance.certify(anchor, name("chance 1"), "chance 1", authority())
        middle.append(above)
        found += _good(chance, anchor, above, rarely=0)
    serial = chance.serial()
    plan = draw.choice(list(_PLANS))
    chance.notes.add(plan.__name__.strip("_"))
    points, made, speaker = plan(chance, above, serial)
    extensions = [usages([KeyUsage.DIGITAL_SIGNATURE]), *points]
    end = chance.certify(
        above, name("chance end"), "chance end", extensions, serial=serial
    )
    found += made
    if plan is not _delta and sum(one.issuer == above.name for one in found) > 1:
        chance.notes.add("several lists")
    ders = [one.der() for one in found]
    if chance.rarely(0.03):
        at = draw.randrange(len(ders))
        chance.notes.add("list altered")
        ders[at] = ders[at][:-1] + bytes([ders[at][-1] ^ 1])
    draw.shuffle(ders)
    return Case(
        kind="lists",
        anchors=(anchor.der,),
        middle=tuple(one.der for one in middle),
        aside=() if speaker is None else (speaker.der,),
        end=end.der,
        crls=tuple(ders),
        revocation="require",
        use_deltas=draw.random() < 0.5,
        notes=frozenset(chance.notes),
    )


_Made = tuple[list[bytes], list[_List], Holder | None]
"""Extensions of the certificate, lists, and who else signs lists."""


def _entry(serial: int, reason: int | None = None, more: Sequence[bytes] = ()) -> bytes:
    own = list(more)
    if reason is not None:
        own.append(extension(oids.REASON_CODE, False, enumerated(reason)))
    return sequence(
        integer(serial), time_choice(_REVOKED), *((sequence(*own),) if own else ())
    )


def _good(
    chance: Chance, issuer: Holder, about: Holder, *, rarely: float
) -> list[_List]:
    own = _List(issuer=issuer.name, signer=issuer.key)
    if chance.rarely(rarely):
        own.entries.append(_entry(about.serial))
    return [own]


def _listed(chance: Chance, serial: int, *, share: float = 0.35) -> list[bytes]:
    """Others, and perhaps this one."""
    draw = chance.random
    entries = [_entry(9_000 + draw.randrange(99)) for _ in range(draw.randrange(2))]
    if draw.random() < share:
        chance.notes.add("listed")
        reason = draw.choice([None, None, 1, 4, 6, 6, 8, 9])
        if reason in (6, 8):
            chance.notes.add({6: "hold", 8: "removeFromCRL"}[reason])
        more = []
        if chance.rarely(0.1, "entry extension"):
            more.append(unknown_extension(critical=chance.rarely(0.7)))
        entries.append(_entry(serial, reason, more))
    elif chance.rarely(0.05, "entry extension"):
        entries.append(_entry(8_999, None, [unknown_extension(critical=True)]))
    return entries


def _flawed(chance: Chance, made: _List) -> _List:
    """Sometimes too old, too new, forged, or not to be understood."""
    draw = chance.random
    if chance.rarely(0.25):
        flaw = draw.choice(
            ["expired", "early", "endless", "edge", "stranger", "namesake", "unknown"]
        )
        chance.notes.add(flaw)
        match flaw:
            case "expired":
                made.next_update = NOW - timedelta(seconds=1)
            case "early":
                made.this_update = NOW + _HOUR / 2
            case "endless":
                made.next_update = None
            case "edge":
                made.next_update = NOW
            case "stranger":
                made.signer = key("chance stranger")
            case "namesake":
                made.signer = key("chance namesake")
            case "unknown":
                made.extensions.append(unknown_extension(critical=True))
    return made


def _full(chance: Chance, issuer: Holder, serial: int) -> _Made:
    """One full list or two, the later of which counts."""
    draw = chance.random
    own = [
        _flawed(
            chance,
            _List(
                issuer=issuer.name,
                signer=issuer.key,
                number=5 + later,
                this_update=NOW - _HOUR * (3 - later),
                entries=_listed(chance, serial),
            ),
        )
        for later in range(1 + draw.randrange(2))
    ]
    return [], own, None


def _delta(chance: Chance, issuer: Holder, serial: int) -> _Made:
    """A full list, and one that goes on from it, or nearly."""
    draw = chance.random
    freshest = _points_value(_place_field(_PLACES[0]))
    full = _List(issuer=issuer.name, signer=issuer.key, entries=_listed(chance, serial))
    if draw.random() < 0.7:
        full.extensions.append(extension(oids.FRESHEST_CRL, False, freshest))
        chance.notes.add("freshest")
    delta = _flawed(
        chance,
        _List(
            issuer=issuer.name,
            signer=issuer.key,
            number=draw.choice([4, 5, 6, 6, 6]),
            this_update=NOW - _HOUR / 2,
            entries=_listed(chance, serial, share=0.5),
            extensions=[delta_indicator(draw.choice([3, 4, 5, 5, 5, 6]))],
        ),
    )
    if chance.rarely(0.1, "delta of another scope"):
        delta.extensions.append(_scope(only="users"))
    if chance.rarely(0.1, "full expired"):
        full.next_update = NOW - timedelta(seconds=1)
    if chance.rarely(0.1, "no full list"):
        return [], [delta], None
    return [], [full, delta], None


def _parts(chance: Chance, issuer: Holder, serial: int) -> _Made:
    """The certificate names a place; lists are about places, kinds, reasons."""
    draw = chance.random
    points: list[bytes] = []
    if draw.random() < 0.8:
        place = _place_field(_PLACES[0])
        if chance.rarely(0.2, "relative"):
            place = _relative_field("1")
        value = sequence(*([tlv(0xA0, place)] if place else []))
        if chance.rarely(0.15, "point with reasons"):
            value = sequence(tlv(0xA0, place), tlv(0x81, named_bits([1, 4])[2:]))
        points.append(extension(oids.CRL_DISTRIBUTION_POINTS, False, sequence(value)))
    made = []
    for number in range(1 + draw.randrange(3)):
        scope = draw.choice(["place", "place", "other", "relative", "kind", "reasons"])
        made.append(
            _flawed(
                chance,
                _List(
                    issuer=issuer.name,
                    signer=issuer.key,
                    number=5 + number,
                    this_update=NOW - _HOUR - timedelta(minutes=number),
                    entries=_listed(chance, serial, share=0.25),
                    extensions=[_drawn_scope(chance, scope)],
                ),
            )
        )
        chance.notes.add(f"scope {scope}")
    if chance.rarely(0.15, "full beside"):
        made += _full(chance, issuer, serial)[1]
    return points, made, None


def _drawn_scope(chance: Chance, scope: str) -> bytes:
    draw = chance.random
    match scope:
        case "place":
            return _scope(_place_field(_PLACES[0]))
        case "other":
            return _scope(_place_field(_PLACES[1]))
        case "relative":
            return _scope(_relative_field(draw.choice("12")))
        case "kind":
            only = draw.choice(["users", "users", "authorities", "attributes"])
            chance.notes.add(f"only {only}")
            return _scope(only=only)
    reasons = draw.choice([[1, 2, 3, 4], [5, 6, 7, 8], [1], list(range(1, 9))])
    return _scope(reasons=reasons)


def _indirect(chance: Chance, issuer: Holder, serial: int) -> _Made:
    """Somebody whom the authority certified lists for it."""
    draw = chance.random
    bits = [KeyUsage.CRL_SIGN]
    if chance.rarely(0.1, "may not sign lists"):
        bits = [KeyUsage.DIGITAL_SIGNATURE]
    lister = name("chance lister")
    above = issuer
    if chance.rarely(0.1, "lister of a stranger"):
        above = chance.root("chance stranger")
    speaker = chance.certify(above, lister, "chance lister", [usages(bits)])
    named = tlv(0xA2, encode_general_name(DirectoryName(lister)))
    value = sequence(tlv(0xA0, _place_field(_PLACES[0])), named)
    if draw.random() < 0.3:
        value = sequence(named)
    entries = []
    if draw.random() < 0.6:
        whose = draw.choice([issuer.name, issuer.name, lister, None, name("nobody")])
        more = []
        if whose is not None:
            general = encode_general_names(DirectoryName(whose))
            more.append(extension(oids.CERTIFICATE_ISSUER, True, general))
        chance.notes.add(
            "listed" if whose == issuer.name else "listed for somebody else"
        )
        if draw.random() < 0.3:
            entries.append(_entry(8_998, None, more))
            more = []
        entries.append(_entry(serial, draw.choice([None, 1]), more))
    place = _place_field(_PLACES[draw.random() < 0.2]) if draw.random() < 0.7 else b""
    made = _flawed(
        chance,
        _List(
            issuer=lister,
            signer=speaker.key,
            entries=entries,
            extensions=[_scope(place, indirect=not chance.rarely(0.1, "direct"))],
        ),
    )
    own = [made]
    # About the lister itself.
    own += _good(chance, issuer, speaker, rarely=0.1)
    if draw.random() < 0.7:
        # The authority's own list would do for the subscriber too: only a part.
        own[-1].extensions.append(_scope(_place_field(_PLACES[1])))
    points = [extension(oids.CRL_DISTRIBUTION_POINTS, False, sequence(value))]
    return points, own, speaker


_PLANS: Final = (_full, _delta, _parts, _indirect)


def _place_field(place: str) -> bytes:
    return tlv(0xA0, encode_general_name(URIName(place)))


def _relative_field(common_name: str) -> bytes:
    attribute = name(common_name).rdns[2][0]
    return tlv(0xA1, encode_attribute(attribute))


def _points_value(place: bytes) -> bytes:
    return sequence(sequence(tlv(0xA0, place)))


_ONLY: Final = {"users": 0x81, "authorities": 0x82, "attributes": 0x85}


def _scope(
    place: bytes = b"",
    *,
    only: str | None = None,
    reasons: Sequence[int] = (),
    indirect: bool = False,
) -> bytes:
    """issuingDistributionPoint, critical."""
    fields = [tlv(0xA0, place)] if place else []
    fields += [tlv(_ONLY[only], b"\xff")] if only else []
    fields += [tlv(0x83, named_bits(list(reasons))[2:])] if reasons else []
    fields += [tlv(0x84, b"\xff")] if indirect else []
    # Their order is that of the tags.
    return extension(oids.ISSUING_DISTRIBUTION_POINT, True, sequence(*sorted(fields)))
