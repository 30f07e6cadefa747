"""Errors: a problem document for programs (RFC 9457), a plain page for people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from examples.portal.pages import problem_page, wants_page
from examples.portal.routes import Portal
from jpki.service.problems import Problem, ProblemTable, plain_problem

__all__ = ["PROBLEMS", "install_problems"]

PROBLEMS: Final = ProblemTable(
    {
        "document": (
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "This is not an application of this portal",
        ),
    }
)
_PAGE_KEYS: Final = {
    400: "request",
    404: "not_found",
    413: "too_large",
    422: "document",
}


def install_problems(app: Flask, portal: Portal) -> None:
    """Answer every error of the application."""

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        headers = [
            (name, value)
            for name, value in error.get_headers()
            if name.lower() in ("allow", "location")
        ]
        return answer(plain_problem(error.code or 500, None, *headers))

    @app.errorhandler(Exception)
    def any_error(error: Exception) -> Response:
        return answer(PROBLEMS.problem(error))

    def answer(problem: Problem) -> Response:
        if not wants_page(request):
            return Response(problem.body, problem.status, list(problem.headers))
        key = _PAGE_KEYS.get(problem.status, "other")
        return problem_page(portal.words(), key, problem.status)
