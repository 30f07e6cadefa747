"""Timestamps on XML signatures (EN 319 132-1 5.3 and 5.5.2), read and compared.

One that cannot be read, or is over something else, becomes a note: it proves nothing,
and takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from jpki.documents.signature import Timestamp
from jpki.documents.timestamps import read_token
from jpki.documents.xml.archive import Archived
from jpki.documents.xml.canonical import (
    C14N,
    Canonicalization,
    canonical,
    canonicalization,
)
from jpki.documents.xml.properties import (
    ARCHIVE_TIMESTAMP,
    SIGNATURE_TIMESTAMP,
    XADES,
)
from jpki.documents.xml.reading import Element, children, octets_of
from jpki.documents.xml.references import References
from jpki.documents.xml.signed_info import DS, Signature
from jpki.errors import DocumentError, EncodingError

__all__ = ["read_timestamps"]

_DEFAULT: Final = Canonicalization(algorithm=C14N)
"""Where a timestamp does not say how (4.5)."""
_METHOD: Final = f"{DS}CanonicalizationMethod"

MAX_TOKENS: Final = 4
"""In one timestamp: of as many authorities."""

_Octets = Callable[[Canonicalization], bytes]


def read_timestamps(
    unsigned: Sequence[Element],
    signature: Signature,
    references: References,
    certificates: Iterable[bytes],
) -> tuple[tuple[Timestamp, ...], tuple[str, ...]]:
    """The timestamps from the innermost out, and notes on what is none.

    Each archive timestamp is over all that stands before it, so their order is the
    order in which they were put in.

    Args:
        unsigned: the unsigned signature properties, in order.
        certificates: where an authority's may be, if it is not in the token.
    """
    inner, archives, notes = list[Timestamp](), list[Timestamp](), list[str]()
    known = tuple(certificates)
    archived = Archived(signature, references)
    for position, element in enumerate(unsigned):
        if element.tag == SIGNATURE_TIMESTAMP:
            if archives:
                # It covers the signature's value, and no archive timestamp before it
                # covers it: nothing says that it was there when they were made.
                notes.append("signature timestamp behind an archive timestamp: ignored")
                continue
            stamps, what = inner, "signature timestamp"
            covered: _Octets = partial(canonical, signature.value_element)
        elif element.tag == ARCHIVE_TIMESTAMP:
            stamps, what = archives, "archive timestamp"
            covered = partial(archived.octets, unsigned[:position])
        else:
            continue
        found, problems = _read(element, covered, known)
        notes += [f"{what}: {problem}" for problem in problems]
        # Those on the signature value cover nothing of one another, and neither do
        # several that stand in one place.
        alone = stamps is archives or not inner
        stamps += [
            replace(stamp, beside=number > 0 or not alone)
            for number, stamp in enumerate(found)
        ]
    return (*inner, *archives), tuple(notes)


def _read(
    element: Element, covered: _Octets, certificates: tuple[bytes, ...]
) -> tuple[list[Timestamp], list[str]]:
    """The tokens in one timestamp, all over the same, and why others are none."""
    found, problems = list[Timestamp](), list[str]()
    try:
        tokens, method = _tokens(element)
        octets = covered(method)
    except DocumentError as error:
        return [], [error.message]
    for token in tokens:
        try:
            found.append(read_token(octets_of(token), octets, certificates))
        except (DocumentError, EncodingError) as error:
            problems.append(error.message)
    return found, problems


def _tokens(element: Element) -> tuple[list[Element], Canonicalization]:
    parts = children(element)
    method: Canonicalization | None = _DEFAULT
    if parts and parts[0].tag == _METHOD:
        stated = parts.pop(0)
        method = canonicalization(str(stated.get("Algorithm")))
        if children(stated):
            method = None
    known = all(part.tag == f"{XADES}EncapsulatedTimeStamp" for part in parts)
    if method is None or not 0 < len(parts) <= MAX_TOKENS or not known:
        raise DocumentError("a form of timestamp that is not known")
    return parts, method
