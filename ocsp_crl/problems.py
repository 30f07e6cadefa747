"""Which error this server shows how; OCSP keeps its own errors inside responses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from jpki.service.problems import ProblemTable
from ocsp_crl.gate import CHALLENGE

__all__ = ["PROBLEMS"]

PROBLEMS: Final = ProblemTable(
    {
        "verifier.suspended": (HTTPStatus.FORBIDDEN, "The verifier is suspended"),
        "verifier.quota": (HTTPStatus.TOO_MANY_REQUESTS, "The quota is used up"),
        "store": (HTTPStatus.SERVICE_UNAVAILABLE, "The database cannot be used now"),
        "store.damaged": (
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "What is kept was altered, and is not given",
        ),
    },
    challenge=CHALLENGE,
)
