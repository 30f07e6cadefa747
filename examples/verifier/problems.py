"""Errors: problem documents (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Flask
from werkzeug.exceptions import HTTPException

from jpki.service.problems import ProblemTable, refused

__all__ = ["PROBLEMS", "install_problems"]

PROBLEMS: Final = ProblemTable(
    {"document": (HTTPStatus.UNPROCESSABLE_ENTITY, "This is no document to judge")}
)


def install_problems(app: Flask) -> None:
    """Answer every error of the application."""
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(Exception, PROBLEMS.problem)
