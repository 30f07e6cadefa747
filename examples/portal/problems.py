"""Errors: a problem document for programs (RFC 9457), a plain page for people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from examples.portal.pages import problem_page, wants_page
from examples.portal.routes import Portal
from jpki.service.answers import Answer
from jpki.service.problems import ProblemTable, refused

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

    def shown(problem: Answer) -> Answer | Response:
        if not wants_page(request):
            return problem
        key = _PAGE_KEYS.get(problem.status, "other")
        return problem_page(portal.words(), key, problem.status)

    app.register_error_handler(HTTPException, lambda error: shown(refused(error)))
    app.register_error_handler(Exception, lambda error: shown(PROBLEMS.problem(error)))
