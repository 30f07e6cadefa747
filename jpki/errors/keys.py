"""Cards, keys, tokens, and documents signed with them."""

from __future__ import annotations

from jpki.errors.base import JpkiError

__all__ = [
    "APDUError",
    "CardError",
    "CardGone",
    "KeyNotFound",
    "KeyProviderError",
    "PINBlocked",
    "PINError",
    "PINFormatError",
    "TokenGone",
    "TokenPINError",
    "WrongCard",
]


class CardError(JpkiError):
    """Something went wrong between us and a card."""

    code = "card"


class APDUError(CardError):
    """A status word that has no better name here (ISO/IEC 7816-4)."""

    code = "card.apdu"

    def __init__(
        self, status_word: int, command: str, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{command}: card answered {status_word:04X}", hint=hint)
        self.status_word = status_word
        self.command = command


class PINError(CardError):
    """The PIN was wrong."""

    code = "card.pin-wrong"

    def __init__(self, retries_left: int) -> None:
        left = "1 try" if retries_left == 1 else f"{retries_left} tries"
        super().__init__(
            f"wrong PIN, {left} left",
            hint="the next wrong one blocks it" if retries_left == 1 else None,
        )
        self.retries_left = retries_left


class PINFormatError(CardError):
    """The PIN cannot be right by its form; it was not sent and no try was used."""

    code = "card.pin-format"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        shortest: int | None = None,
        longest: int | None = None,
        characters: str | None = None,
    ) -> None:
        """Say what such a PIN looks like; nothing where several kinds may be."""
        super().__init__(message, hint=hint)
        self.shortest = shortest
        self.longest = longest
        self.characters = characters


class PINBlocked(CardError):
    """No tries left; the issuer must unblock."""

    code = "card.pin-blocked"

    def __init__(self) -> None:
        super().__init__(
            "PIN is blocked",
            hint="the municipal counter can unblock it",
        )
        self.retries_left = 0


class WrongCard(CardError):
    """The card does not carry the application or object that is asked for."""

    code = "card.wrong-card"


class CardGone(CardError):
    """The card was removed or its process ended."""

    code = "card.gone"


class KeyProviderError(JpkiError):
    """A key cannot be made, opened or used."""

    code = "keys"


class KeyNotFound(KeyProviderError):
    """There is no key under this URI."""

    code = "keys.not-found"


class TokenGone(KeyProviderError):
    """A hardware token was removed, or no longer holds the key it held."""

    code = "keys.token-gone"

    def __init__(self, token: str, reason: str) -> None:
        super().__init__(
            f"{token}: token removed ({reason})",
            hint="put the token back; the next attempt opens it anew",
        )
        self.token = token
        self.reason = reason


class TokenPINError(KeyProviderError):
    """A hardware token does not accept the PIN, or accepts none any more."""

    code = "keys.pin"
