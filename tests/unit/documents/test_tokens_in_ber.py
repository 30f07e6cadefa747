"""Time-stamp tokens in BER: read where a signature bears them, refused by name where
what they prove hangs on octets that BER does not keep."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jpki.der import oids
from jpki.der.ber import to_der
from jpki.der.reader import read_one
from jpki.der.writer import octet_string, sequence
from jpki.documents.archive_imprint import archived_octets, encode_index, index_of
from jpki.documents.cades_levels import (
    add_archive_timestamp,
    add_timestamp,
    signature_value,
)
from jpki.documents.cms import make_signed_data
from jpki.documents.cms_check import check_cms
from jpki.documents.envelopes import rebuilt
from jpki.documents.signed_data import parse_signed_data
from jpki.documents.timestamp_info import TimestampInfo, encode_info, imprint_of
from jpki.documents.timestamp_messages import encode_granted, read_response
from jpki.documents.timestamps import parse_token, read_token, token_as_der
from jpki.documents.xml import levels as xml_levels
from jpki.documents.xml.check import check_xml
from jpki.documents.xml.properties import XADES
from jpki.documents.xml.reading import parse_xml, written
from jpki.documents.xml.sign import sign_enveloped
from jpki.errors import DocumentError, EncodingError
from jpki.model.suites import Digest
from tests.support.ber import in_ber
from tests.support.long_term import (
    CONTENT,
    FIRST,
    HOUR,
    IN_2017,
    SECOND,
    SIGNED_AT,
    STAMPED_AT,
    pki_of_2008,
    signed_in_2008,
    signers_certificate,
    token_over,
)
from tests.support.xml_documents import DOCUMENT

VALUE = signature_value(signed_in_2008())
TOKEN = token_over(VALUE, FIRST, STAMPED_AT)
FORMS = (in_ber(TOKEN), in_ber(TOKEN, definite=True))


@pytest.mark.parametrize("token", FORMS)
def test_a_token_in_ber_is_the_same_token(token: bytes) -> None:
    """Its envelope is brought into DER; every signed octet is as it was."""
    assert token != TOKEN
    assert token_as_der(token) == TOKEN
    assert parse_token(token) == parse_token(TOKEN)
    assert read_token(token, VALUE) == read_token(TOKEN, VALUE)


@pytest.mark.parametrize("token", FORMS)
def test_inside_a_cms_signature_it_counts(token: bytes) -> None:
    """Also where the CMS around it is in DER but for the token."""
    expected = check_cms(add_timestamp(signed_in_2008(), TOKEN), CONTENT).timestamps
    forced = rebuilt(signed_in_2008(), unsigned={oids.SIGNATURE_TIMESTAMP: (token,)})
    for form in (forced, in_ber(forced), in_ber(forced, definite=True)):
        checked = check_cms(form, CONTENT)
        assert (checked.timestamps, checked.notes) == (expected, ())
    # What we put in is DER, so that nobody after us has the question.
    assert add_timestamp(signed_in_2008(), token) == add_timestamp(
        signed_in_2008(), TOKEN
    )
    archived = add_archive_timestamp(
        forced, lambda covered: in_ber(token_over(covered, SECOND, IN_2017)), CONTENT
    )
    parse_signed_data(archived)
    assert to_der(archived) == archived
    assert len(check_cms(archived, CONTENT).timestamps) == 2


def _archived_as_it_is(cms: bytes) -> bytes:
    """As a program does that takes attributes octet by octet, whatever they are."""
    signed = parse_signed_data(cms)
    (signer,) = signed.signers
    return _archived(cms, encode_index(index_of(signed, signer, Digest.SHA256)))


def _archived(cms: bytes, index: bytes) -> bytes:
    signed = parse_signed_data(cms)
    (signer,) = signed.signers
    covered = archived_octets(signed, signer, CONTENT, Digest.SHA256, index)
    token = token_over(covered, SECOND, IN_2017)
    token = rebuilt(token, unsigned={oids.ATS_HASH_INDEX_V3: (index,)})
    held = dict(signer.unsigned_attributes)
    return rebuilt(cms, unsigned={**held, oids.ARCHIVE_TIMESTAMP_V3: (token,)})


def test_an_archive_timestamp_around_a_token_in_ber() -> None:
    """It is over octets. Where those are still there, it holds; where the CMS came in
    BER as a whole, it is said that they cannot be compared."""
    held = rebuilt(signed_in_2008(), unsigned={oids.SIGNATURE_TIMESTAMP: (FORMS[1],)})
    whole = _archived_as_it_is(held)
    checked = check_cms(whole, CONTENT)
    assert [stamp.at for stamp in checked.timestamps] == [STAMPED_AT, IN_2017]
    assert checked.notes == ()
    checked = check_cms(in_ber(whole), CONTENT)
    assert [stamp.at for stamp in checked.timestamps] == [STAMPED_AT]
    assert checked.notes == (
        "archive timestamp: what came in BER cannot be compared: "
        "attributes that an archive timestamp covers are missing",
    )


def test_what_an_authority_says_is_der_or_nothing() -> None:
    """RFC 3161 2.4.2: TSTInfo is signed as DER, and is not put right."""
    info = TimestampInfo(
        policy="2.999.1",
        imprint=imprint_of(VALUE, Digest.SHA256),
        serial=1,
        at=STAMPED_AT,
    )
    token = make_signed_data(
        in_ber(encode_info(info)),
        FIRST.certificate,
        FIRST.key,
        STAMPED_AT,
        certificates=[FIRST.certificate],
        enveloping=True,
        content_type=oids.TST_INFO,
    )
    with pytest.raises(EncodingError, match="indefinite"):
        parse_token(token)
    forced = rebuilt(signed_in_2008(), unsigned={oids.SIGNATURE_TIMESTAMP: (token,)})
    checked = check_cms(forced, CONTENT)
    assert checked.timestamps == ()
    (note,) = checked.notes
    assert note.startswith("signature timestamp: indefinite")


def test_a_token_of_too_many_pieces_is_refused() -> None:
    """Whoever cuts it up beyond all measure is told so, at once."""
    pieces = b"\x24\x80" + octet_string(b"") * 20_000 + b"\0\0"
    with pytest.raises(EncodingError, match="too many elements"):
        parse_token(sequence(pieces))
    with pytest.raises(EncodingError):
        parse_token(b"\x30\x80")


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_tokens_in_ber(data: st.DataObject) -> None:
    """Any octet may be another: it is read, or refused by one of our errors."""
    token = bytearray(data.draw(st.sampled_from(FORMS)))
    for _ in range(data.draw(st.integers(1, 3))):
        token[data.draw(st.integers(0, len(token) - 1))] = data.draw(
            st.integers(0, 255)
        )
    with suppress(EncodingError, DocumentError):
        found = read_token(bytes(token), VALUE)
        assert found.at == STAMPED_AT


def test_in_xml_and_from_the_wire_too() -> None:
    """EncapsulatedTimeStamp in BER is read, what we put in is DER; so are answers."""
    key = pki_of_2008().keys["signature"]
    signed = sign_enveloped(DOCUMENT, signers_certificate(), key, SIGNED_AT)
    covered = xml_levels.octets_to_timestamp(signed)
    token = token_over(covered, FIRST, STAMPED_AT + HOUR)
    made = xml_levels.add_timestamp(signed, in_ber(token))
    assert made == xml_levels.add_timestamp(signed, token)
    tree = parse_xml(made)
    held = next(tree.iter(f"{XADES}EncapsulatedTimeStamp"))
    held.text = b64encode(in_ber(token)).decode("ascii")
    assert check_xml(written(tree)).timestamps == check_xml(made).timestamps
    answer = read_response(in_ber(encode_granted(token)))
    assert answer.token == token
    assert read_one(answer.token).raw == token
