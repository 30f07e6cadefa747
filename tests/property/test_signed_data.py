"""Signatures that are read quickly say what they say when they are read in full."""

from __future__ import annotations

from functools import lru_cache

from hypothesis import given
from hypothesis import strategies as st

from jpki.der import oids
from jpki.der.writer import (
    implicit,
    integer,
    object_identifier,
    octet_string,
    sequence,
    set_of,
    tlv,
)
from jpki.documents import signed_data
from jpki.documents.cms import sign_enveloping
from jpki.documents.quick_signed_data import quick_signed_data
from jpki.errors import DocumentError, EncodingError
from jpki.x509.basic_information import (
    CertifiedAttributes,
    read_certified_attributes,
    read_certified_items,
)
from jpki.x509.extension_values import read_general_names_value
from jpki.x509.general_names import DNSName, encode_general_names
from jpki.x509.parse import parse_certificate
from jpki.x509.quick_reading import quick_items
from tests.support.long_term import SIGNED_AT, signed_in_2008, stamped, token_over, tsa
from tests.support.mutations import Mutator
from tests.support.reference_pki import FOUNDED, reference_pki
from tests.support.verification import moment, signed

_CONTENT = "転居届".encode()


def _of_each_era() -> list[bytes]:
    made = []
    for era in FOUNDED:
        pki = reference_pki(era)
        own, key = pki.certificates["signature"], pki.keys["signature"]
        made += [
            signed(pki, _CONTENT),
            sign_enveloping(
                _CONTENT, own, key, moment(pki), list(pki.certificates.values())
            ),
        ]
    return made


@lru_cache(maxsize=1)
def _samples() -> tuple[bytes, ...]:
    stamp = token_over(b"1", tsa(2008), SIGNED_AT)
    unusual = stamped(signed_in_2008(), tsa(2008), SIGNED_AT)
    return *_of_each_era(), stamp, unusual, *map(_written, _ATTRIBUTES)


def _attribute(oid: str, *values: bytes) -> bytes:
    return sequence(object_identifier(oid), set_of(values))


_TYPE = _attribute(oids.CONTENT_TYPE, object_identifier(oids.CMS_DATA))
_DIGEST = _attribute(oids.MESSAGE_DIGEST, octet_string(bytes(32)))
_HASH = octet_string(bytes(20))
_SHA1 = sequence(object_identifier(oids.SHA1))
_ATTRIBUTES = (
    (_TYPE, _DIGEST),
    (_TYPE, _DIGEST, _attribute("1.2.3", octet_string(b"1"))),
    (_TYPE, _DIGEST, _attribute("1.2.3", tlv(0x1F, b"1"))),
    (_TYPE, _DIGEST, _attribute("1.2.3", octet_string(b"1"), octet_string(b"2"))),
    (_TYPE, _DIGEST, _attribute("1.2.3")),
    (_TYPE, _DIGEST, _DIGEST),
    (_TYPE,),
    (_DIGEST, _attribute(oids.CONTENT_TYPE, object_identifier(oids.TST_INFO))),
    (_TYPE, _DIGEST, _attribute(oids.SIGNING_TIME, tlv(0x17, b"260230000000Z"))),
    (_TYPE, _DIGEST, _attribute(oids.SIGNING_TIME, tlv(0x18, b"20260228000000Z"))),
    (
        _TYPE,
        _DIGEST,
        _attribute(oids.SIGNING_CERTIFICATE, sequence(sequence(sequence(_HASH)))),
    ),
    (
        _TYPE,
        _DIGEST,
        _attribute(
            oids.SIGNING_CERTIFICATE_V2, sequence(sequence(sequence(_SHA1, _HASH)))
        ),
    ),
    tuple(_attribute(f"1.2.{arc}", octet_string(b"1")) for arc in range(33)),
)


def _written(attributes: tuple[bytes, ...]) -> bytes:
    """Signed by nobody; of the right shape but for the attributes."""
    algorithm = sequence(object_identifier(oids.SHA256))
    signer = sequence(
        integer(1),
        sequence(sequence(), integer(-129)),
        algorithm,
        implicit(0, set_of(attributes)),
        sequence(object_identifier(oids.SHA256_WITH_RSA)),
        octet_string(bytes(256)),
    )
    data = sequence(
        integer(1),
        set_of([algorithm]),
        sequence(object_identifier(oids.CMS_DATA)),
        set_of([signer]),
    )
    return sequence(object_identifier(oids.CMS_SIGNED_DATA), tlv(0xA0, data))


def _is_read_alike(data: bytes) -> None:
    quick = quick_signed_data(data)
    try:
        thorough = signed_data._read_in_full(data)
    except (EncodingError, DocumentError):
        thorough = None
    assert quick is None or quick == thorough


def test_every_signature_at_hand_is_read_alike() -> None:
    """Those that this program makes are read quickly, unless they bear timestamps."""
    for sample in _samples():
        _is_read_alike(sample)
    assert None not in map(quick_signed_data, _of_each_era())
    assert quick_signed_data(_written(_ATTRIBUTES[0])) is not None
    assert quick_signed_data(stamped(signed_in_2008(), tsa(2008), SIGNED_AT)) is None


@given(st.integers(0, 2**64))
def test_damaged_signatures_are_read_alike(seed: int) -> None:
    """What is read quickly could be read in full, and says the same."""
    mutator = Mutator(_samples(), seed)
    for _ in range(20):
        _is_read_alike(mutator.next())


# -- the four items -------------------------------------------------------------------


@lru_cache(maxsize=1)
def _items() -> tuple[bytes, ...]:
    found = []
    for era in FOUNDED:
        leaf = parse_certificate(reference_pki(era).certificates["signature"])
        value = leaf.extension(oids.SUBJECT_ALT_NAME)
        assert value is not None
        found.append(value)
    names = read_general_names_value(found[0])
    assert len(names) == 6
    return (
        *found,
        encode_general_names(*reversed(names)),
        encode_general_names(*names, names[0]),
        encode_general_names(*names[:5]),
        encode_general_names(*names, DNSName("a.test")),
        encode_general_names(DNSName("a.test")),
    )


def _read(value: bytes) -> CertifiedAttributes | str | None:
    try:
        return read_certified_attributes(read_general_names_value(value))
    except EncodingError as error:
        return error.message


def _read_quickly(value: bytes) -> CertifiedAttributes | str | None:
    try:
        return read_certified_items(value)
    except EncodingError as error:
        return error.message


def test_the_items_at_hand_are_read_alike() -> None:
    """In any order, and whatever stands beside them; the usual six quickly."""
    for value in _items():
        assert _read_quickly(value) == _read(value)
    quick = [quick_items(value) is not None for value in _items()]
    assert quick == [True] * (len(FOUNDED) + 1) + [False] * 4


@given(st.integers(0, 2**64))
def test_damaged_items_are_read_alike(seed: int) -> None:
    """The same items, or the same complaint."""
    mutator = Mutator(_items(), seed)
    for _ in range(50):
        value = mutator.next()
        assert _read_quickly(value) == _read(value)
