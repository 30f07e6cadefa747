"""A `Signer` as a private key of cryptography (pyca), for libraries that want one.

Wherever the key is, on a card or on a token, such a library only ever gets signatures.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from jpki.errors import KeyProviderError
from jpki.model.ports import Signer
from jpki.model.suites import Digest

__all__ = ["as_pyca_key"]

_HASHES: Final[dict[Digest, type[hashes.HashAlgorithm]]] = {
    Digest.SHA1: hashes.SHA1,
    Digest.SHA256: hashes.SHA256,
    Digest.SHA384: hashes.SHA384,
    Digest.SHA512: hashes.SHA512,
}


def as_pyca_key(signer: Signer) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """The signer as a key that signs in its suite's way, and can do nothing else.

    RSA keys sign with PKCS #1 v1.5 padding, both kinds with the digest of the suite.

    Raises:
        KeyProviderError: the key is of a kind that no such adapter is for.
    """
    public = serialization.load_der_public_key(signer.public_key)
    if isinstance(public, rsa.RSAPublicKey):
        return _RSAKey(signer, public)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _ECKey(signer, public)
    raise KeyProviderError(f"no adapter is for keys of {signer.suite.id}")


class _Outside:
    """What both kinds share: the private half is somewhere else."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def __repr__(self) -> str:
        return f"as_pyca_key({self._signer!r})"

    def private_numbers(self) -> NoReturn:
        raise _stays(self._signer)

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        raise _stays(self._signer)

    def _signed(self, data: Any, algorithm: object) -> bytes:
        digest = self._signer.suite.digest
        wanted = None if digest is None else _HASHES.get(digest)
        if wanted is None or not isinstance(algorithm, wanted):
            name = getattr(algorithm, "name", type(algorithm).__name__)
            raise UnsupportedAlgorithm(f"this key signs {digest}, not {name}")
        return self._signer.sign(bytes(data))


class _RSAKey(_Outside, rsa.RSAPrivateKey):
    def __init__(self, signer: Signer, public: rsa.RSAPublicKey) -> None:
        super().__init__(signer)
        self._public = public

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    def decrypt(self, ciphertext: bytes, padding: object) -> NoReturn:
        raise UnsupportedAlgorithm("this key signs, and does nothing else")

    def sign(self, data: Any, padding: object, algorithm: object) -> bytes:
        if not isinstance(padding, PKCS1v15):
            raise UnsupportedAlgorithm("this key signs with PKCS #1 v1.5 padding only")
        return self._signed(data, algorithm)

    def __copy__(self) -> _RSAKey:
        return self

    def __deepcopy__(self, memo: object) -> _RSAKey:
        return self


class _ECKey(_Outside, ec.EllipticCurvePrivateKey):
    def __init__(self, signer: Signer, public: ec.EllipticCurvePublicKey) -> None:
        super().__init__(signer)
        self._public = public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    def exchange(self, algorithm: object, peer_public_key: object) -> NoReturn:
        raise UnsupportedAlgorithm("this key signs, and does nothing else")

    def sign(self, data: Any, signature_algorithm: Any) -> bytes:
        return self._signed(data, getattr(signature_algorithm, "algorithm", None))

    def __copy__(self) -> _ECKey:
        return self

    def __deepcopy__(self, memo: object) -> _ECKey:
        return self


def _stays(signer: Signer) -> UnsupportedAlgorithm:
    return UnsupportedAlgorithm(f"the private half of {signer!r} stays where it is")
