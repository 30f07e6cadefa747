"""Who may ask for the status of citizens' certificates, and for which."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from jpki.errors import RequestError

__all__ = ["VerifierAccount"]

_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_LONGEST_NAME: Final = 200
_LARGEST_QUOTA: Final = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierAccount:
    """署名検証者, 利用者証明検証者: by law, only they are told what is revoked.

    Articles 17 and 36 of Act No. 153 of 2002 (平成14年法律第153号); a verifier of
    signatures need not be one of authentication certificates.

    Raises:
        RequestError: nothing of it can be registered.
    """

    id: str
    """Stable, short, lower-case ASCII, such as `tax-agency`."""
    name: str
    """As the public register of verifiers tells it."""
    signature: bool
    """May ask about signature certificates."""
    authentication: bool
    """May ask about authentication certificates."""
    daily_quota: int | None = None
    """Answers in one calendar day of Japan; None for as many as it likes."""

    def __post_init__(self) -> None:
        if _ID.fullmatch(self.id) is None:
            raise RequestError(
                f"{self.id[:60]!r} is no identifier of a verifier",
                hint="up to 40 lower-case letters, digits and hyphens: tax-agency",
            )
        name = self.name
        if not (name.strip() and len(name) <= _LONGEST_NAME and name.isprintable()):
            raise RequestError(
                "a verifier's name is 1 to 200 characters that can be printed"
            )
        if not (self.signature or self.authentication):
            raise RequestError(
                f"{self.id} would verify nothing",
                hint="signature certificates, authentication certificates, or both",
            )
        quota = self.daily_quota
        if quota is not None and not 0 < quota <= _LARGEST_QUOTA:
            raise RequestError(
                f"a daily quota of {quota} is not between 1 and {_LARGEST_QUOTA}"
            )
