"""A signed request as it is kept: verified later with nothing but its sender's key."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from jpki.access.keys import public_key_of
from jpki.errors import AuthenticationError

__all__ = ["Evidence", "Said"]

_OCTETS: Final = 64
"""r and s, one after the other (RFC 9421 section 3.3.4)."""
_KEY_ID: Final = re.compile(r';keyid="([a-z0-9.-]{1,63})"')
_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a verified signature covers."""

    key_id: str
    method: str
    url: str
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Signature base (RFC 9421 section 2.5), signature and body of one request."""

    base: str
    signature: bytes
    body: bytes

    def check(self, public_key: bytes) -> Said:
        """Verify the signature, and that it covers the body; when it was made is not.

        Raises:
            AuthenticationError: this key did not sign this.
            CredentialError: no key of the kind that signs requests.
        """
        r, s = self.signature[: _OCTETS // 2], self.signature[_OCTETS // 2 :]
        try:
            if len(self.signature) != _OCTETS:
                raise InvalidSignature
            public_key_of(public_key).verify(
                encode_dss_signature(int.from_bytes(r), int.from_bytes(s)),
                self.base.encode("ascii"),
                ECDSA(SHA256()),
            )
        except (InvalidSignature, UnicodeEncodeError):
            raise AuthenticationError("the signature does not verify") from None
        lines = [line.partition(": ") for line in self.base.split("\n")]
        covered = {name.strip('"'): value for name, _, value in lines}
        key_id = _KEY_ID.search(covered.get("@signature-params", ""))
        digest = _DIGEST.search(covered.get("content-digest", ""))
        sum_ = base64.b64encode(hashlib.sha256(self.body).digest()).decode("ascii")
        if key_id is None or digest is None or digest[1] != sum_:
            raise AuthenticationError("the signature does not cover key and body")
        return Said(
            key_id=key_id[1],
            method=covered.get("@method", ""),
            url=covered.get("@target-uri", ""),
            body=self.body,
        )
