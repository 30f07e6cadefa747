"""What an archive timestamp on an XML signature is over (EN 319 132-1 5.5.2.2).

The octets of all that is signed, then those of the signature itself and of everything
that was added to it before, each canonicalized on its own and put end to end. What
stands elsewhere than beside the timestamp (5.5.2.3, distributed) is not looked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from jpki.documents.xml.canonical import Canonicalization, canonical
from jpki.documents.xml.properties import QUALIFYING
from jpki.documents.xml.reading import Element
from jpki.documents.xml.references import References
from jpki.documents.xml.signed_info import Signature

__all__ = ["Archived"]


class Archived:
    """What stands in one signature, for all of its archive timestamps."""

    def __init__(self, signature: Signature, references: References) -> None:
        """Take a signature and its references, which need not have been checked."""
        self._signature = signature
        self._references = references
        # Whoever comes later is over all that the earlier ones are over, and more.
        self._known: dict[tuple[Element, Canonicalization], bytes] = {}

    def octets(self, before: Sequence[Element], method: Canonicalization) -> bytes:
        """What the imprint of an archive timestamp is of.

        Args:
            before: the unsigned signature properties that stand before it, in order.
            method: its ds:CanonicalizationMethod.

        Raises:
            DocumentError: something that is signed is not there, or is not what was
                signed; or it has no canonical form.
        """
        signature = self._signature
        key_info = [] if signature.key_info is None else [signature.key_info]
        # The Objects come last, also those that a reference has brought in already.
        objects = [held for held in signature.objects if held.find(QUALIFYING) is None]
        parts = (
            signature.signed_info,
            signature.value_element,
            *key_info,
            *before,
            *objects,
        )
        referred = self._references.archived(method.algorithm)
        return referred + b"".join(self._canonical(part, method) for part in parts)

    def _canonical(self, part: Element, method: Canonicalization) -> bytes:
        if (part, method) not in self._known:
            self._known[part, method] = canonical(part, method)
        return self._known[part, method]
