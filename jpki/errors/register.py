"""What the resident register says, or does not."""

from __future__ import annotations

from jpki.errors.base import JpkiError
from jpki.errors.services import ServiceUnavailable

__all__ = [
    "EventRefused",
    "NotEligible",
    "RegistryError",
    "RegistryUnavailable",
    "UnknownResident",
    "WrongMunicipality",
]


class RegistryError(JpkiError):
    """The resident register says no, or nothing."""

    code = "registry"


class UnknownResident(RegistryError):
    """No resident has this code."""

    code = "registry.unknown-resident"

    def __init__(self) -> None:
        super().__init__("no resident of this code is registered")


class NotEligible(RegistryError):
    """The resident may not hold this certificate; `ground` says why."""

    code = "registry.not-eligible"

    def __init__(self, ground: str, reason: str) -> None:
        super().__init__(reason)
        self.ground = ground
        """`under-15`, `deceased` or `not-resident`."""


class EventRefused(RegistryError):
    """The change does not fit the record as it stands; `ground` says why."""

    code = "registry.event-refused"

    def __init__(self, ground: str, reason: str) -> None:
        super().__init__(reason)
        self.ground = ground
        """`future`, `before-birth`, `unchanged`, `not-registered`,
        `registered-already`, `deceased` or `code-taken`."""


class WrongMunicipality(RegistryError):
    """The resident lives in another municipality than this counter serves."""

    code = "registry.wrong-municipality"

    def __init__(self, counter: str) -> None:
        super().__init__(f"the resident is not registered in {counter}")
        self.counter = counter


class RegistryUnavailable(RegistryError, ServiceUnavailable):
    """The registry does not answer."""

    code = "registry.unavailable"

    def __init__(self, reason: str) -> None:
        ServiceUnavailable.__init__(self, "the resident register", reason)
