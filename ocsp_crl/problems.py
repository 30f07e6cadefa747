"""Which error this server shows how; OCSP keeps its own errors inside responses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from jpki.service.problems import ProblemTable

__all__ = ["PROBLEMS"]

PROBLEMS: Final = ProblemTable(
    {
        "store": (HTTPStatus.SERVICE_UNAVAILABLE, "The database cannot be used now"),
        "store.damaged": (
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "What is kept was altered, and is not given",
        ),
    }
)
