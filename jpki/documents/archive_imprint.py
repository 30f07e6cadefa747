"""What an archive timestamp is over (archive-time-stamp-v3, ETSI EN 319 122-1 5.5).

Its imprint is of the content's digest, of the signature, and of a list of digests, the
hash index, which stands in the token's own unsigned attributes. Whatever the index
names is protected; what is not in it was not there, or does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from jpki.der.reader import Element, read_one
from jpki.der.writer import NULL, object_identifier, octet_string, sequence
from jpki.documents.signed_data import SignedDocument, SignerInfo
from jpki.documents.signer_checks import hash_of
from jpki.errors import DocumentError, DocumentFault, EncodingError
from jpki.model.suites import Digest

__all__ = [
    "HashIndex",
    "archived_octets",
    "attribute_digest",
    "check_index",
    "encode_index",
    "index_of",
    "read_index",
]

MAX_DIGESTS: Final = 1024
"""In each of the three lists."""
_SEQUENCE: Final = 0x30


@dataclass(frozen=True, kw_only=True, slots=True)
class HashIndex:
    """ATSHashIndexV3: digests of everything that stood beside the signature."""

    digest_oid: str
    certificates: tuple[bytes, ...]
    revocations: tuple[bytes, ...]
    attributes: tuple[bytes, ...]
    """Of each value of each unsigned attribute, its type before it."""


def index_of(signed: SignedDocument, signer: SignerInfo, digest: Digest) -> HashIndex:
    """The index of everything that stands beside the signature now."""
    return HashIndex(
        digest_oid=digest.oid,
        certificates=_digests(digest, signed.certificate_choices),
        revocations=_digests(digest, signed.revocation_choices),
        attributes=_attribute_digests(digest, signer.unsigned_attributes),
    )


def attribute_digest(digest: Digest, oid: str, value: bytes) -> bytes:
    """How the index names one value of an unsigned attribute (5.5.2)."""
    return hash_of(digest, object_identifier(oid) + value)


def _attribute_digests(
    digest: Digest, attributes: Mapping[str, tuple[bytes, ...]]
) -> tuple[bytes, ...]:
    return tuple(
        attribute_digest(digest, oid, value)
        for oid, values in attributes.items()
        for value in values
    )


def _digests(digest: Digest, items: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(hash_of(digest, item) for item in items)


def encode_index(index: HashIndex) -> bytes:
    """ATSHashIndexV3, DER."""
    lists = (index.certificates, index.revocations, index.attributes)
    return sequence(
        sequence(object_identifier(index.digest_oid)),
        *(sequence(*map(octet_string, digests)) for digests in lists),
    )


def read_index(data: bytes) -> HashIndex:
    """The index in these octets.

    Raises:
        EncodingError: not an ATSHashIndexV3 in DER.
    """
    fields = read_one(data, _SEQUENCE).enter()
    algorithm = fields.next(_SEQUENCE).enter()
    oid = algorithm.next().object_identifier()
    if algorithm and algorithm.next().raw != NULL:
        raise EncodingError("a digest with parameters")
    algorithm.finish()
    lists = [_read_digests(fields.next(_SEQUENCE)) for _ in range(3)]
    fields.finish()
    return HashIndex(
        digest_oid=oid, certificates=lists[0], revocations=lists[1], attributes=lists[2]
    )


def _read_digests(element: Element) -> tuple[bytes, ...]:
    fields, found = element.enter(), list[bytes]()
    while fields:
        if len(found) == MAX_DIGESTS:
            raise EncodingError(f"more than {MAX_DIGESTS} digests in an index")
        found.append(fields.next().octet_string())
    return tuple(found)


def check_index(
    index: HashIndex, signed: SignedDocument, signer: SignerInfo, digest: Digest
) -> None:
    """Check that everything that the index names is still there.

    What came later is not in it, and need not be.

    Raises:
        DocumentError: something is gone or was changed.
    """
    now = index_of(signed, signer, digest)
    for what in ("certificates", "revocations", "attributes"):
        if not {*getattr(index, what)} <= {*getattr(now, what)}:
            message = f"{what} that an archive timestamp covers are missing"
            if signed.was_ber:
                # Their digests are of octets, and BER has many for one value.
                message = f"what came in BER cannot be compared: {message}"
            raise DocumentError(message, fault=DocumentFault.ALTERED)


def archived_octets(
    signed: SignedDocument,
    signer: SignerInfo,
    content: bytes,
    digest: Digest,
    index: bytes,
) -> bytes:
    """The octets whose digest is the imprint (5.5.3).

    Args:
        content: what was signed, from inside or handed in.
        digest: of the imprint, and of everything in the index.
        index: ATSHashIndexV3, DER, as it stands in the token.
    """
    return b"".join(
        (
            object_identifier(signed.content_type),
            hash_of(digest, content),
            signer.signed_part,
            index,
        )
    )
