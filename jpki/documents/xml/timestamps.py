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
            found, what = inner, "signature timestamp"
            covered: _Octets = partial(canonical, signature.value_element)
        elif element.tag == ARCHIVE_TIMESTAMP:
            found, what = archives, "archive timestamp"
            covered = partial(archived.octets, unsigned[:position])
        else:
            continue
        try:
            token, method = _token(element)
            stamp = read_token(token, covered(method), known)
        except (DocumentError, EncodingError) as error:
            notes.append(f"{what}: {error.message}")
        else:
            found.append(replace(stamp, beside=found is inner and bool(inner)))
    return (*inner, *archives), tuple(notes)


def _token(element: Element) -> tuple[bytes, Canonicalization]:
    parts = children(element)
    method: Canonicalization | None = _DEFAULT
    if parts and parts[0].tag == _METHOD:
        stated = parts.pop(0)
        method = canonicalization(str(stated.get("Algorithm")))
        if children(stated):
            method = None
    if method is None or len(parts) != 1:
        raise DocumentError("a form of timestamp that is not known")
    if parts[0].tag != f"{XADES}EncapsulatedTimeStamp":
        raise DocumentError("a form of timestamp that is not known")
    return octets_of(parts[0]), method
