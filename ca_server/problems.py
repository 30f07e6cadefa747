"""Which error this server shows how."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from jpki.service.problems import ProblemTable

__all__ = ["PROBLEMS"]

_REFUSED: Final = HTTPStatus.UNPROCESSABLE_ENTITY

PROBLEMS: Final = ProblemTable(
    {
        "application.conflict": (
            HTTPStatus.CONFLICT,
            "The application is in another state",
        ),
        "application.certificate-live": (
            HTTPStatus.CONFLICT,
            "The resident holds a live certificate",
        ),
        "key.rejected": (_REFUSED, "The public key is refused"),
        "key.proof-of-possession": (
            _REFUSED,
            "Possession of the key is not proven for this application",
        ),
        "registry.unknown-resident": (_REFUSED, "The register has no such resident"),
        "registry.not-eligible": (
            _REFUSED,
            "The resident may not hold this certificate",
        ),
        "registry.wrong-municipality": (
            HTTPStatus.FORBIDDEN,
            "The resident belongs to another counter",
        ),
        "registry.unavailable": (
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The resident register does not answer",
        ),
        "consent": (HTTPStatus.CONFLICT, "Two people have not agreed to this"),
        "consent.same-person": (
            HTTPStatus.FORBIDDEN,
            "Another person has to approve this",
        ),
        "consent.not-in-office": (
            HTTPStatus.FORBIDDEN,
            "The operator is not in office",
        ),
        "algorithm": (HTTPStatus.CONFLICT, "The algorithm may not be used now"),
        "issuance": (HTTPStatus.CONFLICT, "The certificate cannot be issued"),
        "rule": (_REFUSED, "A rule forbids this certificate"),
        "store": (HTTPStatus.SERVICE_UNAVAILABLE, "The database cannot be used now"),
    }
)
