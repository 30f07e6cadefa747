"""The local signing agent: what no page may ask, and what a person did not confirm."""

from __future__ import annotations

from jpki.errors.base import JpkiError

__all__ = [
    "AgentBusy",
    "AgentError",
    "ConfirmationCancelled",
    "ConfirmationOpenedTwice",
    "ConfirmationOver",
    "ConfirmationSuperseded",
    "ConfirmationTimeout",
    "ConfirmationUnavailable",
    "OriginRefused",
]


class AgentError(JpkiError):
    """The signing agent did not sign what a page asked for."""

    code = "agent"


class OriginRefused(AgentError):
    """Who asks is not one whom this agent answers."""

    code = "agent.origin"


class AgentBusy(AgentError):
    """Another page's request is being confirmed."""

    code = "agent.busy"

    def __init__(self) -> None:
        super().__init__(
            "another request is being confirmed",
            hint="finish or cancel that one, then ask again",
        )


class ConfirmationCancelled(AgentError):
    """The person chose not to sign."""

    code = "agent.cancelled"

    def __init__(self) -> None:
        super().__init__("the signature was cancelled")


class ConfirmationTimeout(AgentError):
    """Nobody confirmed in time."""

    code = "agent.timed-out"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"nobody confirmed within {seconds} seconds")
        self.seconds = seconds


class ConfirmationSuperseded(AgentError):
    """The same page asked again; its earlier request is not signed any more."""

    code = "agent.superseded"

    def __init__(self) -> None:
        super().__init__("the same page asked again")


class ConfirmationOpenedTwice(AgentError):
    """The confirmation's one-time address was opened a second time."""

    code = "agent.opened-twice"

    def __init__(self) -> None:
        super().__init__(
            "the confirmation was opened twice",
            hint="ask again, and do not reload the confirmation",
        )


class ConfirmationOver(AgentError):
    """The address or form is of no confirmation that goes on."""

    code = "agent.over"

    def __init__(self) -> None:
        super().__init__("there is no such confirmation, or it is over")


class ConfirmationUnavailable(AgentError):
    """There is no way to show a confirmation to a person."""

    code = "agent.no-window"
