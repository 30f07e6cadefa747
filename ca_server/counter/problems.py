"""Errors as a page: what happened, what to do next; inner faults stay in the log."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from ca_server.counter.desk import Desk
from ca_server.counter.pages import page
from jpki.errors import JpkiError

__all__ = ["install_problems"]

_STATUS: Final = {
    "authentication": HTTPStatus.FORBIDDEN,
    "request": HTTPStatus.BAD_REQUEST,
    "not-found": HTTPStatus.NOT_FOUND,
    "service.unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}

_log = logging.getLogger(__name__)


def install_problems(app: Flask, desk: Desk) -> None:
    """Answer every error of the application."""

    def known(error: JpkiError) -> Response:
        status = _STATUS.get(error.code, HTTPStatus.CONFLICT)
        what, advice = desk.words().problem(error)
        return page(
            desk,
            "problem.html",
            status=status,
            sentence=what,
            advice=advice,
            detail=error.message,
            code=error.code,
        )

    def of_http(error: HTTPException) -> Response:
        words = desk.words()
        return page(
            desk,
            "problem.html",
            status=error.code or HTTPStatus.INTERNAL_SERVER_ERROR,
            sentence=words("problem", "http"),
            advice=words("advice", "http"),
            detail=None,
            code=f"http.{error.code}",
        )

    def unknown(error: Exception) -> Response:
        identifier = desk.random(8).hex()
        _log.error("internal error %s", identifier, exc_info=error)
        words = desk.words()
        return page(
            desk,
            "problem.html",
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
            sentence=words("problem", "title"),
            advice=words("advice", "other"),
            detail=identifier,
            code="internal",
        )

    app.register_error_handler(JpkiError, known)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, unknown)
