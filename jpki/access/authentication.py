"""Find out who signed a request, as a server (RFC 9421 section 3.2).

A caller that fails learns that it failed and nothing else; why stands in the log.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)

from jpki.access.evidence import Evidence
from jpki.access.keys import public_key_of
from jpki.access.messages import (
    COVERED_IF_PRESENT,
    MAX_LIFETIME,
    REQUIRED_COMPONENTS,
    SKEW,
    TAG,
    SignedRequest,
)
from jpki.errors import AuthenticationError
from jpki.model.operators import Caller

__all__ = ["Authenticator", "NonceMemory"]

_NONCE: Final = re.compile(r"[A-Za-z0-9+/=_-]{16,128}")
_PARSED_FIELDS: Final = frozenset({"signature", "signature-input", "content-digest"})
_MAX_FIELD: Final = 4096
"""Octets of a signature field; ours need about 300."""

_log = logging.getLogger(__name__)


class NonceMemory(Protocol):
    """Remembers a nonce until it expires, also after a restart."""

    def __call__(
        self, key_id: str, nonce: str, *, expires: datetime, at: datetime
    ) -> bool:
        """Whether the nonce is new for this key."""
        ...


class Authenticator:
    """Judges the signatures of requests to one server."""

    def __init__(
        self, callers: Callable[[str], Caller | None], remember_nonce: NonceMemory
    ) -> None:
        """Make one.

        Args:
            callers: finds a caller by identifier, such as `mapping.get`.
            remember_nonce: asked last, for requests that are otherwise in order.
        """
        self._callers = callers
        self._remember_nonce = remember_nonce

    def authenticate(self, request: SignedRequest, at: datetime) -> Caller:
        """Who signed the request.

        Raises:
            AuthenticationError: nobody known, or not for this moment, or again.
        """
        return self._authenticated(request, at)[0]

    def authenticate_for_keeping(
        self, request: SignedRequest, at: datetime
    ) -> tuple[Caller, Evidence]:
        """Who signed the request, and what proves it later.

        Raises:
            AuthenticationError: nobody known, or not for this moment, or again.
        """
        caller, evidence = self._authenticated(request, at)
        evidence.check(caller.public_key)
        return caller, evidence

    def _authenticated(
        self, request: SignedRequest, at: datetime
    ) -> tuple[Caller, Evidence]:
        try:
            caller, nonce, expires, evidence = self._signature_of(request, at)
            if not self._remember_nonce(caller.id, nonce, expires=expires, at=at):
                raise _RefusalError("nonce seen before")
        except (HTTPMessageSignaturesException, _RefusalError) as error:
            _log.info("request refused: %s", error)
        else:
            return caller, evidence
        # Not chained: the cause must not travel into an answer.
        raise AuthenticationError(
            "the request is not signed by a known caller for this server and time",
            hint="sign it anew (RFC 9421) and check the clock of this machine",
        )

    def _signature_of(
        self, request: SignedRequest, at: datetime
    ) -> tuple[Caller, str, datetime, Evidence]:
        """The verified signature's caller, nonce, end of acceptance, and itself."""
        # 1. Only fields of sane size are parsed.
        names = {name.lower() for name in request.headers}
        for name, value in request.headers.items():
            if name.lower() in _PARSED_FIELDS and len(value) > _MAX_FIELD:
                raise _RefusalError(f"{name.lower()} is too long")
        # 2. One signature of ours, over all that gives this request its meaning.
        keys = _Keys(self._callers)
        required = (
            *REQUIRED_COMPONENTS,
            *(name for name in COVERED_IF_PRESENT if name in names),
        )
        results = _Verifier(keys, at).verify(
            request,
            max_age=None,
            expect_tag=TAG,
            require_components=required,
            body=request.body,
        )
        if len(results) != 1 or keys.caller is None:
            raise _RefusalError("more than one signature")
        # 3. With a nonce that can be remembered.
        parameters = results[0].parameters
        nonce, expires = parameters.get("nonce"), parameters["expires"]
        if not isinstance(nonce, str) or not _NONCE.fullmatch(nonce):
            raise _RefusalError("no usable nonce")
        assert isinstance(expires, int)
        until = datetime.fromtimestamp(expires, UTC) + SKEW
        evidence = Evidence(
            base="\n".join(
                f"{name}: {value}"
                for name, value in results[0].covered_components.items()
            ),
            signature=_signature_in(request, results[0].label),
            body=request.body,
        )
        return keys.caller, nonce, until + timedelta(seconds=1), evidence


def _signature_in(request: SignedRequest, label: str) -> bytes:
    """The octets of one signature, empty if they are written in another way."""
    fields = {name.lower(): value for name, value in request.headers.items()}
    for member in fields.get("signature", "").split(","):
        name, _, value = member.strip().partition("=")
        if name == label and len(value) > 2 and value[0] == value[-1] == ":":
            return base64.b64decode(value[1:-1])
    return b""


class _RefusalError(Exception):
    """Why a request is refused, for the log."""


class _Keys(HTTPSignatureKeyResolver):
    """Finds the key and remembers whose it is."""

    def __init__(self, callers: Callable[[str], Caller | None]) -> None:
        self._callers = callers
        self.caller: Caller | None = None

    def resolve_public_key(self, key_id: str) -> Any:
        self.caller = self._callers(key_id)
        if self.caller is None:
            raise _RefusalError("unknown caller")
        return public_key_of(self.caller.public_key)

    def resolve_private_key(self, key_id: str) -> Any:
        raise _RefusalError("a server holds no private keys of callers")


class _Verifier(HTTPMessageVerifier):
    """Verifies for a given instant instead of the machine's."""

    def __init__(self, keys: HTTPSignatureKeyResolver, at: datetime) -> None:
        super().__init__(
            signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=keys
        )
        self._at = int(at.timestamp())

    def validate_created_and_expires(
        self, sig_input: Any, max_age: timedelta | None = None
    ) -> None:
        """Both are required, and bound the signature's life from both sides."""
        created = sig_input.params.get("created")
        expires = sig_input.params.get("expires")
        skew = int(SKEW.total_seconds())
        if type(created) is not int or type(expires) is not int:
            raise InvalidSignature("created and expires are required")
        if not 0 < expires - created <= MAX_LIFETIME.total_seconds():
            raise InvalidSignature("the signature lives too long")
        if created > self._at + skew or expires < self._at - skew:
            raise InvalidSignature(
                f"not for this moment: {created - self._at:+} s from now"
            )
