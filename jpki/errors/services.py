"""Requests, and servers that do not answer as they should."""

from __future__ import annotations

from jpki.errors.base import JpkiError

__all__ = [
    "RemoteRefusal",
    "RequestError",
    "ServiceUnavailable",
    "UnexpectedOutcome",
]


class RequestError(JpkiError):
    """A request to a server is malformed."""

    code = "request"


class ServiceUnavailable(JpkiError):
    """A server that is needed for this step does not answer."""

    code = "service.unavailable"

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(
            f"{service} does not answer: {reason}",
            hint=f"check that {service} is running, then try the same step again",
        )
        self.service = service
        self.reason = reason


class RemoteRefusal(JpkiError):
    """A server understood and refused; `reason_code` is the code it gave."""

    code = "service.refused"

    def __init__(
        self, service: str, reason_code: str, detail: str, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{service} refused: {detail}", hint=hint)
        self.service = service
        self.reason_code = reason_code
        self.detail = detail


class UnexpectedOutcome(JpkiError):
    """A procedure that was to show something showed something else."""

    code = "unexpected"

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(f"{what}: expected {expected}, found {found}")
        self.what = what
        self.expected = expected
        self.found = found
