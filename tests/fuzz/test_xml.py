"""Damaged XML signatures: each is refused, soon, or says what it said before.

Damage that leaves the parts that were signed as they were, such as a blank in a tag, is
no damage to a signature; all other is found.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from jpki.documents.signature import Content
from jpki.documents.xml.check import SignedXML, examine_xml
from jpki.documents.xml.levels import (
    add_archive_timestamp,
    add_timestamp,
    octets_to_timestamp,
)
from jpki.documents.xml.sign import (
    sign_application,
    sign_detached,
    sign_enveloped,
    sign_enveloping,
)
from jpki.errors import DocumentError, EncodingError
from jpki.x509.parse import parse_certificate
from tests.support.cards import NOW
from tests.support.fuzzing import run
from tests.support.long_term import HOUR, token_over, tsa
from tests.support.xml_documents import DOCUMENT, FILES, FORM, xml_signer

pytestmark = pytest.mark.slow

_SEED: Final = 20260603
_COUNT: Final = 3_000
"""Of each form, by octets and again by markup."""
_SIGNER: Final = xml_signer()
_OWN: Final = (_SIGNER.certificate, _SIGNER.key)
_ENVELOPED: Final = sign_enveloped(DOCUMENT, *_OWN, NOW)
_TSA: Final = tsa(2014)
_STAMPED: Final = add_timestamp(
    _ENVELOPED, token_over(octets_to_timestamp(_ENVELOPED), _TSA, NOW)
)
_FORMS: Final[dict[str, tuple[bytes, Content]]] = {
    "enveloped": (_ENVELOPED, None),
    "enveloping": (
        sign_enveloping(DOCUMENT, *_OWN, NOW, media_type="text/xml"),
        None,
    ),
    "detached": (sign_detached(FILES, *_OWN, NOW), FILES),
    "application": (sign_application(FORM, FILES, *_OWN), FILES),
    "timestamped": (_STAMPED, None),
    "archived": (
        add_archive_timestamp(
            _STAMPED, lambda covered: token_over(covered, _TSA, NOW + HOUR)
        ),
        None,
    ),
}


def _words(original: SignedXML, content: Content) -> Callable[[bytes], str]:
    """What became of a damaged copy: refused, or the same in all that is believed."""

    def target(octets: bytes) -> str:
        try:
            found = examine_xml(octets, content)
        except (DocumentError, EncodingError):
            return "refused"
        assert [part.octets for part in found.parts] == [
            part.octets for part in original.parts
        ]
        theirs, ours = (each.signature.certificate for each in (found, original))
        if original.signature.claimed_at is None:
            # Nothing but the key binds the certificate where there is no XAdES; what
            # else stands in one is for its issuer's signature to say.
            theirs, ours = (
                parse_certificate(each).public_key for each in (theirs, ours)
            )
        assert theirs == ours
        assert found.signature.claimed_at == original.signature.claimed_at
        # A timestamp may get lost, or stand there twice, but none says something new;
        # and an archive timestamp is over what it was over, or is none.
        stamps = {stamp.at for stamp in original.signature.timestamps}
        assert {stamp.at for stamp in found.signature.timestamps} <= stamps
        return "unharmed"

    return target


@pytest.mark.parametrize("form", _FORMS)
def test_damaged_octets(form: str) -> None:
    """Bits, octets and pieces changed, doubled, taken out and cut off."""
    document, content = _FORMS[form]
    words = run(
        _words(examine_xml(document, content), content),
        [document],
        count=_COUNT,
        seed=_SEED,
    )
    assert words["refused"] > _COUNT // 2


@pytest.mark.parametrize("form", _FORMS)
def test_moved_markup(form: str) -> None:
    """Elements moved, doubled, swapped, renamed and taken out, comments put in."""
    document, content = _FORMS[form]
    target = _words(examine_xml(document, content), content)
    chance = random.Random(_SEED)
    pieces = _pieces(document)
    words = [target(_rearranged(chance, pieces)) for _ in range(_COUNT)]
    assert words.count("refused") > _COUNT // 2


def _pieces(document: bytes) -> list[bytes]:
    """Tags and texts, in order."""
    pieces: list[bytes] = []
    for part in document.split(b"<"):
        tag, closed, text = part.partition(b">")
        pieces += [b"<" + tag + b">", text] if closed else [part]
    return pieces


_FOREIGN: Final = (
    b"<!-- -->",
    b"<?pi?>",
    b"<evil/>",
    b"<evil Id='content' ID='form'/>",
    b"<ds:Object xmlns:ds='http://www.w3.org/2000/09/xmldsig#'>evil</ds:Object>",
    b"<!DOCTYPE a>",
    b"&#10;",
    b"&evil;",
    b"<![CDATA[evil]]>",
    b" ",
    "太郎".encode(),
)


def _rearranged(chance: random.Random, pieces: Sequence[bytes]) -> bytes:
    changed = list(pieces)
    for _ in range(chance.randint(1, 3)):
        if not changed:
            break
        at, to = (chance.randrange(len(changed)) for _ in range(2))
        length = chance.choice((1, 2, 3, 4, 8, 16, 64))
        match chance.randrange(5):
            case 0:
                changed[to:to] = changed[at : at + length]
            case 1:
                moved = changed[at : at + length]
                del changed[at : at + length]
                changed[to:to] = moved
            case 2:
                changed[at], changed[to] = changed[to], changed[at]
            case 3:
                del changed[at : at + length]
            case _:
                changed.insert(at, chance.choice(_FOREIGN))
    return b"".join(changed)
