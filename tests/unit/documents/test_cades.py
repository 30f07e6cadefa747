"""CAdES: levels added to a signature, read again, and what is wrong made a note."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import (
    explicit,
    implicit,
    integer,
    object_identifier,
    octet_string,
    sequence,
    set_of,
)
from jpki.documents.archive_imprint import HashIndex, encode_index, read_index
from jpki.documents.cades_levels import (
    add_archive_timestamp,
    add_timestamp,
    add_validation_data,
    signature_value,
)
from jpki.documents.cades_timestamps import MAX_TIMESTAMPS
from jpki.documents.cms import sign_detached, sign_enveloping
from jpki.documents.cms_check import check_cms
from jpki.documents.envelopes import der_of, rebuilt
from jpki.documents.kinds import check_document, kind_of
from jpki.documents.signature import Kind
from jpki.documents.signed_data import MAX_SIGNED_DATA, parse_signed_data
from jpki.errors import DocumentError, DocumentFault, EncodingError
from jpki.model.suites import Digest
from jpki.x509.pem import pem
from tests.support.long_term import (
    CONTENT,
    SIGNED_AT,
    archived,
    authorities_crls,
    long_lived,
    pki_of_2008,
    signed_in_2008,
    signers_certificate,
    stamped,
    token_over,
    tsa,
)

FIRST, SECOND = tsa(2008), tsa(2008, "other")
HOUR = timedelta(hours=1)


def _whole() -> bytes:
    """Level B-LTA with two signature timestamps, CRLs and an OCSP response."""
    first = stamped(signed_in_2008(), FIRST, SIGNED_AT + HOUR)
    both = stamped(first, SECOND, SIGNED_AT + 2 * HOUR)
    data = long_lived(both, *authorities_crls(SIGNED_AT))
    answered = add_validation_data(data, ocsp_responses=[pki_of_2008().ocsp()])
    return archived(answered, FIRST, SIGNED_AT + 3 * HOUR)


def _unsigned(cms: bytes) -> dict[str, tuple[bytes, ...]]:
    return {**parse_signed_data(cms).signers[0].unsigned_attributes}


def test_an_enveloping_signature_holds_its_content() -> None:
    """Nothing needs to be handed in; what is handed in must be the same."""
    key = pki_of_2008().keys["signature"]
    made = sign_enveloping(CONTENT, signers_certificate(), key, SIGNED_AT)
    checked = check_cms(made)
    assert checked.certificate == signers_certificate()
    assert checked.claimed_at == SIGNED_AT
    assert parse_signed_data(made).content == CONTENT
    assert check_cms(made, CONTENT) == checked
    with pytest.raises(DocumentError) as refused:
        check_cms(made, b"other")
    assert refused.value.fault is DocumentFault.ALTERED


def test_what_could_not_be_read_again_is_not_made() -> None:
    """A very large document is signed beside it."""
    key = pki_of_2008().keys["signature"]
    large = bytes(MAX_SIGNED_DATA)
    with pytest.raises(DocumentError, match="octets"):
        sign_enveloping(large, signers_certificate(), key, SIGNED_AT)
    beside = sign_detached(large, signers_certificate(), key, SIGNED_AT)
    assert check_cms(beside, large).claimed_at == SIGNED_AT


def test_each_level_is_read_again() -> None:
    """Timestamps from the innermost out, and everything that was put in to help."""
    checked = check_cms(_whole(), CONTENT)
    assert checked.notes == ()
    assert [stamp.at - SIGNED_AT for stamp in checked.timestamps] == [
        HOUR,
        2 * HOUR,
        3 * HOUR,
    ]
    assert [stamp.beside for stamp in checked.timestamps] == [False, True, False]
    assert set(authorities_crls(SIGNED_AT)) == set(checked.enclosed.crls)
    assert checked.enclosed.ocsp_responses == (pki_of_2008().ocsp(),)
    assert set(pki_of_2008().certificates.values()) < set(checked.enclosed.certificates)
    # RFC 5652 5.1: revocation data of another form makes it version 5.
    info = read_one(_whole()).enter()
    info.next()
    assert info.next().inside().enter().next().integer() == 5


def test_the_signature_itself_stays_as_it_is() -> None:
    """Whatever is put beside it."""
    before, after = (
        parse_signed_data(cms).signers[0] for cms in (signed_in_2008(), _whole())
    )
    assert after.signed_part == before.signed_part
    assert add_validation_data(_whole(), [signers_certificate()]) == _whole()


def test_an_enveloping_signature_is_archived_without_its_content() -> None:
    """The content inside is the one that counts."""
    key = pki_of_2008().keys["signature"]
    made = sign_enveloping(CONTENT, signers_certificate(), key, SIGNED_AT)
    kept = archived(made, FIRST, SIGNED_AT + HOUR, None)
    assert len(check_cms(kept).timestamps) == 1
    with pytest.raises(DocumentError) as refused:
        archived(signed_in_2008(), FIRST, SIGNED_AT + HOUR, None)
    assert refused.value.fault is DocumentFault.NO_CONTENT


def test_what_comes_later_may_be_added() -> None:
    """An archive timestamp covers what was there; more does not disturb it."""
    more = long_lived(_whole(), FIRST.crl(SIGNED_AT + 5 * HOUR))
    checked = check_cms(more, CONTENT)
    assert (len(checked.timestamps), checked.notes) == (3, ())
    again = archived(more, SECOND, SIGNED_AT + 6 * HOUR)
    assert [stamp.at - SIGNED_AT for stamp in check_cms(again, CONTENT).timestamps][
        2:
    ] == [3 * HOUR, 6 * HOUR]


@pytest.mark.parametrize("what", ["certificates", "revocations", "attributes"])
def test_what_an_archive_timestamp_covers_must_stay(what: str) -> None:
    """A certificate, a list or a timestamp that is gone: it proves nothing any more."""
    whole = _whole()
    signed = parse_signed_data(whole)
    unsigned = _unsigned(whole)
    if what == "attributes":
        less = unsigned[oids.SIGNATURE_TIMESTAMP][:1]
        cut = rebuilt(whole, unsigned={**unsigned, oids.SIGNATURE_TIMESTAMP: less})
    else:
        choices = (
            signed.certificate_choices
            if what == "certificates"
            else signed.revocation_choices
        )
        # The signer's own certificate stays, or there would be no signature.
        (gone, *_) = [each for each in choices if each != signers_certificate()]
        cut = _without(whole, gone)
    checked = check_cms(cut, CONTENT)
    assert checked.notes == (
        f"archive timestamp: {what} that an archive timestamp covers are missing",
    )
    assert all(stamp.at < SIGNED_AT + 3 * HOUR for stamp in checked.timestamps)


def _without(cms: bytes, gone: bytes) -> bytes:
    """The same with one certificate or list taken out."""
    info = read_one(cms).enter()
    info.next()
    fields = info.next().inside().enter()
    parts = []
    while fields:
        element = fields.next()
        raw = element.raw
        if element.tag in (0xA0, 0xA1):
            inside, items = element.enter(), []
            while inside:
                items.append(inside.next().raw)
            kept = set_of(item for item in items if item != gone)
            raw = implicit(element.tag & 1, kept)
        parts.append(raw)
    return sequence(
        object_identifier(oids.CMS_SIGNED_DATA), explicit(0, sequence(*parts))
    )


def test_what_is_slipped_in_takes_nothing_from_the_others() -> None:
    """A timestamp that came later, of whatever time it tells, stands beside."""
    archive = archived(signed_in_2008(), FIRST, SIGNED_AT + 3 * HOUR)
    slipped_in = stamped(archive, SECOND, SIGNED_AT + HOUR)
    checked = check_cms(slipped_in, CONTENT)
    assert [(stamp.at - SIGNED_AT, stamp.beside) for stamp in checked.timestamps] == [
        (HOUR, False),
        (3 * HOUR, True),
    ]
    assert checked.notes == ()
    # The order is that of covering, and not of what they say of the time.
    earlier = archived(archive, SECOND, SIGNED_AT + 2 * HOUR)
    checked = check_cms(earlier, CONTENT)
    assert [(stamp.at - SIGNED_AT, stamp.beside) for stamp in checked.timestamps] == [
        (3 * HOUR, False),
        (2 * HOUR, False),
    ]


def test_an_archive_timestamp_that_leaves_inner_ones_out_does_not_count() -> None:
    """It would vouch for timestamps that may have come after it."""
    late = archived(signed_in_2008(), SECOND, SIGNED_AT + 9 * HOUR)
    (stray,) = _unsigned(late)[oids.ARCHIVE_TIMESTAMP_V3]
    whole = _whole()
    unsigned = _unsigned(whole)
    both = (*unsigned[oids.ARCHIVE_TIMESTAMP_V3], stray)
    checked = check_cms(
        rebuilt(whole, unsigned={**unsigned, oids.ARCHIVE_TIMESTAMP_V3: both}), CONTENT
    )
    assert len(checked.timestamps) == 3
    assert checked.notes == (
        "archive timestamp of 2008-06-02T12:04:05Z: "
        "it does not cover a timestamp before it",
    )


def _with_index(index: bytes | None) -> bytes:
    """An archive timestamp with another hash index than its own."""
    made = archived(signed_in_2008(), FIRST, SIGNED_AT + HOUR)
    (token,) = _unsigned(made)[oids.ARCHIVE_TIMESTAMP_V3]
    attributes = {} if index is None else {oids.ATS_HASH_INDEX_V3: (index,)}
    other = rebuilt(token, unsigned=attributes)
    return rebuilt(made, unsigned={oids.ARCHIVE_TIMESTAMP_V3: (other,)})


def test_another_hash_index_is_noticed() -> None:
    """None, an empty one, one of another digest, or junk."""
    empty = HashIndex(
        digest_oid=Digest.SHA256.oid, certificates=(), revocations=(), attributes=()
    )
    assert read_index(encode_index(empty)) == empty
    cases: Mapping[str, bytes | None] = {
        "lacks the hash index": None,
        "over something else": encode_index(empty),
        "another digest": encode_index(replace(empty, digest_oid=Digest.SHA512.oid)),
        "expected tag": b"\x05\x00",
    }
    for expected, index in cases.items():
        checked = check_cms(_with_index(index), CONTENT)
        assert checked.timestamps == ()
        assert expected in checked.notes[0]


def test_an_archive_timestamp_is_over_the_content() -> None:
    """A second preimage of the old digest would not pass: the new one is of it all."""
    made = archived(signed_in_2008(), FIRST, SIGNED_AT + HOUR)
    (token,) = _unsigned(made)[oids.ARCHIVE_TIMESTAMP_V3]
    signed = parse_signed_data(made)
    (index,) = (
        parse_signed_data(token).signers[0].unsigned_attributes[oids.ATS_HASH_INDEX_V3]
    )
    covered = (
        object_identifier(oids.CMS_DATA)
        + hashlib.sha256(CONTENT).digest()
        + signed.signers[0].signed_part
        + index
    )
    info = parse_signed_data(token).content
    assert info is not None
    assert hashlib.sha256(covered).digest() in info


def test_wrong_tokens_are_not_put_in() -> None:
    """Over something else, or nothing like a token."""
    token = token_over(b"something else", FIRST, SIGNED_AT + HOUR)
    with pytest.raises(DocumentError):
        add_timestamp(signed_in_2008(), token)
    with pytest.raises(EncodingError):
        add_timestamp(signed_in_2008(), b"\x30\x00junk")
    with pytest.raises(DocumentError):
        add_archive_timestamp(signed_in_2008(), lambda _: token, CONTENT)
    with pytest.raises(DocumentError, match="not a sha512"):
        add_archive_timestamp(
            signed_in_2008(),
            lambda covered: token_over(covered, FIRST, SIGNED_AT + HOUR),
            CONTENT,
            Digest.SHA512,
        )
    with pytest.raises(EncodingError):
        add_validation_data(signed_in_2008(), ocsp_responses=[b"junk"])
    with pytest.raises(DocumentError, match="more than"):
        many = [sequence(integer(number)) for number in range(100)]
        add_validation_data(signed_in_2008(), many)


def test_older_forms_help_too() -> None:
    """certificate-values and revocation-values of CAdES-X-L are at hand, junk not."""
    pki = pki_of_2008()
    basic = read_one(pki.ocsp()).enter()
    basic.next()
    octets = basic.next().inside().enter()
    octets.next()
    answer = octets.next().octet_string()
    lists = authorities_crls(SIGNED_AT)
    values = {
        oids.CERTIFICATE_VALUES: (sequence(pki.a.certificate), b"\x04\x00"),
        oids.REVOCATION_VALUES: (
            sequence(explicit(0, sequence(*lists)), explicit(1, sequence(answer))),
        ),
        "1.2.840.113549.1.9.16.2.48": (b"\x05\x00",),
    }
    checked = check_cms(rebuilt(signed_in_2008(), unsigned=values), CONTENT)
    assert pki.a.certificate in checked.enclosed.certificates
    assert checked.enclosed.crls == tuple(lists)
    assert checked.enclosed.ocsp_responses == (pki.ocsp(),)
    assert [note.partition(":")[0] for note in checked.notes] == [
        "certificate-values",
        "archive-time-stamp-v2",
    ]


def _in_pieces(cms: bytes) -> bytes:
    """As programs that sign while they read write it: BER, the content in pieces."""
    info = read_one(cms).enter()
    oid = info.next().raw
    fields = info.next().inside().enter()
    version, digests = fields.next().raw, fields.next().raw
    encapsulated = fields.next().enter()
    kind, content = encapsulated.next().raw, encapsulated.next().inside().content
    rest = []
    while fields:
        rest.append(fields.next().raw)
    pieces = [octet_string(content[at : at + 7]) for at in range(0, len(content), 7)]
    end = b"\0\0"
    inside = b"\x24\x80" + b"".join(pieces) + end
    encapsulated_again = b"\x30\x80" + kind + b"\xa0\x80" + inside + end + end
    data = b"\x30\x80" + version + digests + encapsulated_again + b"".join(rest) + end
    return b"\x30\x80" + oid + b"\xa0\x80" + data + end + end


def test_ber_and_pem_are_judged_like_der() -> None:
    """The same signature in other clothes; levels can be added to it."""
    key = pki_of_2008().keys["signature"]
    made = sign_enveloping(CONTENT, signers_certificate(), key, SIGNED_AT)
    pieces = _in_pieces(made)
    with pytest.raises(EncodingError):
        parse_signed_data(pieces)
    assert der_of(pieces) == made
    for label in ("CMS", "PKCS7"):
        for form in (made, pieces):
            text = pem(form, label)
            assert kind_of(text) is Kind.CMS
            assert check_document(text) == check_document(pieces) == check_cms(made)
            assert signature_value(text) == check_cms(made).value
    with pytest.raises(DocumentError, match="2 signatures"):
        check_cms(pem(made, "CMS") * 2)
    with pytest.raises(DocumentError, match="0 signatures"):
        check_cms(pem(made, "CERTIFICATE"))


def test_attributes_in_another_order_are_the_same_set() -> None:
    """Signed as DER and sent in another order (RFC 5652 5.4): it holds."""
    made = signed_in_2008()
    (signer,) = parse_signed_data(made).signers
    fields, attributes = read_one(signer.signed_attributes).enter(), []
    while fields:
        attributes.append(fields.next().raw)
    turned = b"".join(reversed(attributes))
    assert turned != b"".join(attributes)
    changed = made.replace(b"".join(attributes), turned)
    assert check_cms(changed, CONTENT).value == signer.signature


def test_a_binding_by_sha1_counts_and_binds() -> None:
    """signing-certificate of RFC 2634, as signatures of before 2007 have it."""
    for wrong in (False, True):
        own = signers_certificate() + (b"!" if wrong else b"")
        hashed = hashlib.sha1(own, usedforsecurity=False).digest()
        binding = sequence(sequence(sequence(octet_string(hashed))))
        made = _signed_with({oids.SIGNING_CERTIFICATE: binding})
        if wrong:
            with pytest.raises(DocumentError, match="bound to another"):
                check_cms(made, CONTENT)
        else:
            assert check_cms(made, CONTENT).certificate == signers_certificate()


def _signed_with(more: Mapping[str, bytes]) -> bytes:
    """A signature with these attributes instead of the usual binding."""
    key = pki_of_2008().keys["signature"]
    made = sign_detached(CONTENT, signers_certificate(), key, SIGNED_AT)
    (signer,) = parse_signed_data(made).signers
    fields, attributes = read_one(signer.signed_attributes).enter(), []
    while fields:
        attributes.append(fields.next().raw)
    kept = [
        raw
        for raw in attributes
        if read_one(raw).enter().next().object_identifier()
        != oids.SIGNING_CERTIFICATE_V2
    ]
    kept += [sequence(object_identifier(oid), set_of([v])) for oid, v in more.items()]
    signed = set_of(kept)
    fields = read_one(signer_of(made)).enter()
    parts = []
    while fields:
        parts.append(fields.next().raw)
    parts[3], parts[5] = implicit(0, signed), octet_string(key.sign(signed))
    return made_of(made, sequence(*parts))


def signer_of(cms: bytes) -> bytes:
    """The SignerInfo, DER."""
    info = read_one(cms).enter()
    info.next()
    fields = info.next().inside().enter()
    last = fields.next()
    while fields:
        last = fields.next()
    return last.enter().next().raw


def made_of(cms: bytes, signer: bytes) -> bytes:
    """The same with another SignerInfo."""
    info = read_one(cms).enter()
    info.next()
    fields = info.next().inside().enter()
    parts = []
    while fields:
        parts.append(fields.next().raw)
    parts[-1] = set_of([signer])
    return sequence(
        object_identifier(oids.CMS_SIGNED_DATA), explicit(0, sequence(*parts))
    )


def test_many_timestamps_are_bounded() -> None:
    """Whoever puts in a thousand makes nobody check them all."""
    junk = tuple(sequence(integer(number)) for number in range(32))
    full = rebuilt(signed_in_2008(), unsigned={oids.SIGNATURE_TIMESTAMP: junk})
    notes = check_cms(full, CONTENT).notes
    assert len(notes) == 1 + MAX_TIMESTAMPS
    assert notes[0] == f"more than {MAX_TIMESTAMPS} timestamps; some left out"
    over = (*junk, sequence(integer(99)))
    more = rebuilt(signed_in_2008(), unsigned={oids.SIGNATURE_TIMESTAMP: over})
    with pytest.raises(DocumentError):
        check_cms(more, CONTENT)


_WHOLE = _whole()
_END = datetime(2008, 6, 2, tzinfo=UTC)


@given(st.integers(0, 1 << 20), st.integers(1, 255))
def test_damage_never_moves_time(place: int, change: int) -> None:
    """Any octet changed: our error, or the same signer and no other times."""
    at = place % len(_WHOLE)
    changed = _WHOLE[:at] + bytes([_WHOLE[at] ^ change]) + _WHOLE[at + 1 :]
    for bad in (_WHOLE[:at], changed):
        try:
            checked = check_cms(bad, CONTENT)
        except (EncodingError, DocumentError):
            continue
        assert checked.certificate == signers_certificate()
        times = [stamp.at - SIGNED_AT for stamp in checked.timestamps]
        assert set(times) <= {HOUR, 2 * HOUR, 3 * HOUR}
