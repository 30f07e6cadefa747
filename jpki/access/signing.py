"""Sign requests as a client (RFC 9421), for any HTTP library."""

from __future__ import annotations

from collections.abc import Mapping

from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    algorithms,
)

from jpki.access.credentials import Credential
from jpki.access.evidence import Evidence
from jpki.access.messages import (
    COVERED_IF_PRESENT,
    LIFETIME,
    NONCE_OCTETS,
    REQUIRED_COMPONENTS,
    TAG,
    SignedRequest,
)
from jpki.errors import RequestError
from jpki.model.ports import Clock, Random

__all__ = ["RequestSigner"]

_ALGORITHM = algorithms.ECDSA_P256_SHA256


class RequestSigner:
    """Adds the signature of one credential to requests; may be shared by threads."""

    def __init__(self, credential: Credential, *, clock: Clock, random: Random) -> None:
        self.credential = credential
        self._clock = clock
        self._random = random
        self._signer = HTTPMessageSigner(signature_algorithm=_ALGORITHM)

    def headers(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """All fields to send: the given ones, Content-Digest and the signature.

        Args:
            method: in upper case.
            url: absolute and encoded, exactly as it will be requested.
            body: exactly as it will be sent; empty where there is none.
            headers: other fields that will be sent.

        Raises:
            RequestError: the URL or a field cannot be signed as it is.
        """
        return self._sign(method, url, body, headers)[0].headers

    def evidence(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Evidence:
        """The same signature, for keeping where nothing is sent.

        Raises:
            RequestError: the URL or a field cannot be signed as it is.
        """
        return self._sign(method, url, body, headers)[1]

    def _sign(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str] | None
    ) -> tuple[SignedRequest, Evidence]:
        request = SignedRequest(
            method=method, url=url, headers=dict(headers or {}), body=body
        )
        present = {name.lower() for name in request.headers}
        covered = [name for name in COVERED_IF_PRESENT if name in present]
        created = self._clock()
        try:
            prepared = self._signer.prepare(
                request,
                key_id=self.credential.id,
                created=created,
                expires=created + LIFETIME,
                nonce=self._random(NONCE_OCTETS).hex(),
                tag=TAG,
                label=TAG,
                covered_component_ids=(*REQUIRED_COMPONENTS[:2], *covered),
                body=body,
            )
            der = self.credential.signer.sign(prepared.signature_base)
            signature = _ALGORITHM.signature_from_der(der)
            self._signer.apply(request, prepared, signature)
        except HTTPMessageSignaturesException as error:
            raise RequestError(f"the request cannot be signed: {error}") from None
        base = prepared.signature_base.decode("ascii")
        return request, Evidence(base=base, signature=signature, body=body)
