"""Which error this server shows how."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from jpki.service.problems import Problem, ProblemTable, plain_problem

__all__ = ["PROBLEMS", "install_problems"]

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


def install_problems(app: Flask) -> None:
    """Answer every error with a problem document."""

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        headers = [
            (name, value)
            for name, value in error.get_headers()
            if name.lower() in ("allow", "location")
        ]
        return _response(plain_problem(error.code or 500, None, *headers))

    @app.errorhandler(Exception)
    def any_error(error: Exception) -> Response:
        return _response(PROBLEMS.problem(error))


def _response(problem: Problem) -> Response:
    return Response(problem.body, problem.status, list(problem.headers))
