"""Which error this server shows how."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from jpki.service.problems import ProblemTable

__all__ = ["PROBLEMS"]

PROBLEMS: Final = ProblemTable(
    {
        "registry.unknown-resident": (HTTPStatus.NOT_FOUND, "Nobody has this code"),
        "registry.not-eligible": (
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "The resident may not hold this certificate",
        ),
        "registry.event-refused": (
            HTTPStatus.CONFLICT,
            "The change does not fit the record",
        ),
        "registry.wrong-municipality": (
            HTTPStatus.FORBIDDEN,
            "The record is another municipality's",
        ),
    }
)
