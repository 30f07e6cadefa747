"""One token: a session that is opened when needed, and again after it was pulled out.

Sessions end when a token goes away. Whoever meets a dead session looks for the token
and the key again, once; what is found must have the same public key as before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

import pkcs11
from pkcs11 import Mechanism, ObjectClass, TokenFlag
from pkcs11 import exceptions as faults

from jpki.errors import KeyNotFound, KeyProviderError, TokenGone, TokenPINError
from jpki.keys.pkcs11.module import STALE, module_at, serial_of, words
from jpki.keys.pkcs11.objects import TokenKey, find_key, find_objects, make_key
from jpki.keys.pkcs11.uri import PKCS11URI, parse_pkcs11_uri
from jpki.keys.pkcs11.values import ecdsa_value, key_label, prepared
from jpki.model.ports import Secret
from jpki.model.suites import KeyFamily, SignatureSuite

__all__ = ["Token", "TokenDescription", "TokenSigner"]

T = TypeVar("T")

_MECHANISMS: Final = {
    KeyFamily.RSA: Mechanism.RSA_PKCS,
    KeyFamily.EC: Mechanism.ECDSA,
}
"""Plain ones, over a hash made here: large CRLs need not go through the token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenDescription:
    """What a token says about itself."""

    label: str
    manufacturer: str
    model: str
    serial: str


@dataclass(slots=True)
class _Connection:
    """A session whose user is logged in, and the keys found in it."""

    session: pkcs11.Session
    epoch: int
    keys: dict[PKCS11URI, TokenKey] = field(default_factory=dict)


class Token:
    """One token of one module; may be shared by threads."""

    def __init__(self, uri: PKCS11URI, pin: Secret) -> None:
        """Name the token; nothing is opened before it is needed.

        Args:
            uri: its module path and what tells the token from others.
            pin: asked for whenever a session is opened. A PIN that was refused is not
                tried again, so that a server cannot use up the tries.

        Raises:
            KeyProviderError: the URI does not say which module or which token, or
                there is no such module.
        """
        if uri.module_path is None or not uri.names_token:
            raise KeyProviderError(
                f"{uri} does not say which module and token",
                hint="pkcs11:token=LABEL?module-path=/path/to/module.so",
            )
        self._uri = uri
        self._pin = pin
        self._module = module_at(uri.module_path)
        self._connection: _Connection | None = None
        self._refused: TokenPINError | None = None

    def __repr__(self) -> str:
        return f"Token({self._name})"

    @property
    def _name(self) -> str:
        uri = self._uri
        return f"token {uri.token or uri.serial or uri.model or uri.manufacturer}"

    def describe(self) -> TokenDescription:
        """Find the token; no PIN is needed.

        Raises:
            TokenGone: it is not there.
            KeyProviderError: the URI fits several tokens, or the module fails.
        """
        with self._calls():
            found = self._find()
            return TokenDescription(
                label=found.label,
                manufacturer=found.manufacturer_id,
                model=found.model,
                serial=serial_of(found),
            )

    def log_in(self) -> None:
        """See that a session is open and its user logged in.

        Raises:
            TokenGone, TokenPINError, KeyProviderError: as they say.
        """
        with self._calls():
            self._again_if_stale(
                lambda: find_objects(self._session(), ObjectClass.PRIVATE_KEY, id=b"")
            )

    def generate(self, suite: SignatureSuite, name: str) -> TokenSigner:
        """Make a key on the token: sensitive, never extractable, for signing only.

        Raises:
            TokenGone, TokenPINError: the token cannot be used.
            KeyProviderError: the name is taken, or the token cannot make such a key.
        """
        label = key_label(suite, name)
        with self._calls():
            if self._again_if_stale(
                lambda: find_objects(self._session(), ObjectClass.PRIVATE_KEY, label)
            ):
                raise KeyProviderError(
                    f"{self._name} holds a key {label}; keys are never overwritten"
                )
            with self._find().open(rw=True) as session:
                make_key(session, suite, label)
        return self.open(str(self._uri.key(label)))

    def open(self, uri: str) -> TokenSigner:
        """The key of this URI, ready to sign.

        Raises:
            KeyNotFound: the token does not hold it.
            TokenGone, TokenPINError: the token cannot be used.
            KeyProviderError: not the URI of a key on this token, or a key that could
                be taken out or that does not name its suite.
        """
        wanted = parse_pkcs11_uri(uri)
        if wanted.label is None and wanted.id is None:
            raise KeyProviderError(f"{uri} names no key", hint="add object=LABEL")
        with self._calls():
            if not _is_named_by(self._find(), wanted):
                raise KeyNotFound(f"{uri} is not on {self._name}")
            found = self._again_if_stale(lambda: self._key(wanted))
        return TokenSigner(self, wanted, found.suite, found.public_key)

    def sign(
        self, uri: PKCS11URI, public_key: bytes, message: bytes | memoryview
    ) -> bytes:
        """A signature by the key of this URI, if its public half is still the same.

        Raises:
            TokenGone: token or key were removed and are not back.
            TokenPINError, KeyProviderError: the token refuses.
        """

        def attempt() -> tuple[SignatureSuite, bytes]:
            key = self._key(uri)
            if key.public_key != public_key:
                raise KeyNotFound("another key has its name")
            mechanism = _MECHANISMS[key.suite.family]
            data = prepared(key.suite, message)
            return key.suite, key.handle.sign(data, mechanism=mechanism)

        with self._calls():
            try:
                suite, signature = self._again_if_stale(attempt)
            except KeyNotFound as error:
                raise TokenGone(self._name, error.message) from None
        return signature if suite.family is KeyFamily.RSA else ecdsa_value(signature)

    def close(self) -> None:
        """Log out and end the session; the next use opens a new one."""
        with self._module.lock:
            connection, self._connection = self._connection, None
            if connection is not None and connection.epoch == self._module.epoch:
                with contextlib.suppress(faults.PKCS11Error):
                    connection.session.close()

    @contextmanager
    def _calls(self) -> Iterator[None]:
        """The module to ourselves; its complaints become ours."""
        with self._module.lock:
            try:
                yield
            except faults.PKCS11Error as error:
                raise KeyProviderError(
                    f"{self._name} refuses: {words(error)}",
                    hint="`jpki doctor` examines the token",
                ) from error

    def _again_if_stale(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except STALE:
            self.close()
        try:
            self._module.look_again()
            return step()
        except STALE as error:
            self.close()
            raise TokenGone(self._name, words(error)) from None

    def _connected(self) -> _Connection:
        connection = self._connection
        if connection is None or connection.epoch != self._module.epoch:
            session = self._logged_in(self._find())
            connection = _Connection(session, self._module.epoch)
            self._connection = connection
        return connection

    def _session(self) -> pkcs11.Session:
        return self._connected().session

    def _key(self, uri: PKCS11URI) -> TokenKey:
        connection = self._connected()
        found = connection.keys.get(uri)
        if found is None:
            found = find_key(connection.session, uri)
            connection.keys[uri] = found
        return found

    def _find(self) -> pkcs11.Token:
        found = self._fitting()
        if not found:
            self._module.look_again()
            found = self._fitting()
        if not found:
            raise TokenGone(self._name, "no slot holds it")
        if len(found) > 1:
            raise KeyProviderError(
                f"{len(found)} tokens fit {self._uri}",
                hint="add serial=… to tell them apart",
            )
        return found[0]

    def _fitting(self) -> list[pkcs11.Token]:
        tokens = self._module.tokens()
        return [token for token in tokens if _is_named_by(token, self._uri)]

    def _logged_in(self, token: pkcs11.Token) -> pkcs11.Session:
        if self._refused is not None:
            raise self._refused
        self._refuse_last_try(token.flags)
        pin = self._pin()
        try:
            return token.open(user_pin=pin)
        except faults.UserAlreadyLoggedIn:
            # Who logs in is the process, not one session of it.
            return token.open()
        except faults.PinLocked:
            raise self._locked() from None
        except (faults.PinIncorrect, faults.PinInvalid, faults.PinLenRange):
            self._refused = TokenPINError(
                f"{self._name} does not accept the PIN",
                hint="correct the PIN, then start again: a refused PIN is not repeated",
            )
            raise self._refused from None
        except (faults.PinExpired, faults.UserPinNotInitialized) as error:
            raise TokenPINError(
                f"{self._name} has no usable PIN ({words(error)})",
                hint="set the user PIN with the token's own tools",
            ) from None

    def _refuse_last_try(self, flags: TokenFlag) -> None:
        if TokenFlag.USER_PIN_LOCKED in flags:
            raise self._locked()
        if TokenFlag.USER_PIN_FINAL_TRY in flags:
            raise TokenPINError(
                f"{self._name} has one try of the PIN left",
                hint="log in once by hand with the right PIN: pkcs11-tool --login",
            )
        if TokenFlag.USER_PIN_INITIALIZED not in flags:
            raise TokenPINError(
                f"{self._name} has no user PIN",
                hint="set the user PIN with the token's own tools",
            )

    def _locked(self) -> TokenPINError:
        return TokenPINError(
            f"the PIN of {self._name} is locked",
            hint="the token's security officer can set a new PIN",
        )


class TokenSigner:
    """A `Signer` over one key of a token. Hashing is done here, the rest there."""

    __slots__ = ("_public_key", "_suite", "_token", "_uri")

    def __init__(
        self, token: Token, uri: PKCS11URI, suite: SignatureSuite, public_key: bytes
    ) -> None:
        self._token = token
        self._uri = uri
        self._suite = suite
        self._public_key = public_key

    @property
    def uri(self) -> str:
        """By which `Token.open` finds the key again."""
        return str(self._uri)

    @property
    def suite(self) -> SignatureSuite:
        """The only suite this key signs with."""
        return self._suite

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        return self._public_key

    def sign(self, message: bytes | memoryview) -> bytes:
        """Sign; a token that was away meanwhile is opened again.

        Raises:
            TokenGone: token or key were removed and are not back.
            TokenPINError, KeyProviderError: the token refuses.
        """
        return self._token.sign(self._uri, self._public_key, message)

    def __repr__(self) -> str:
        return f"TokenSigner({self._suite.id}, {self._uri})"


def _is_named_by(token: pkcs11.Token, uri: PKCS11URI) -> bool:
    """Whether the token is ready for use and the URI says nothing against it."""
    return (
        TokenFlag.TOKEN_INITIALIZED in token.flags
        and uri.token in (None, token.label)
        and uri.serial in (None, serial_of(token))
        and uri.model in (None, token.model)
        and uri.manufacturer in (None, token.manufacturer_id)
    )
