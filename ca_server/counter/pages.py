"""Pages for operators and residents: rendered here, no script, nothing from outside."""

from __future__ import annotations

from functools import cache
from importlib import resources

from flask import Response, g, render_template, request

from ca_server.counter.desk import Desk
from ca_server.counter.guard import FIELD
from jpki.model.codes import ResidentCode
from jpki.service.pages import page_fields

__all__ = ["address", "grouped", "page"]


def page(desk: Desk, template: str, *, status: int = 200, **values: object) -> Response:
    """A page in the reader's language."""
    words, style = desk.words(), _style()
    html = render_template(
        template,
        words=words,
        style=style,
        operator=desk.operator if "token" in g else None,
        at=address,
        grouped=grouped,
        token=g.get("token", ""),
        token_field=FIELD,
        here=request.path if request.method == "GET" else "/",
        **values,
    )
    response = Response(html, status=status, mimetype="text/html")
    response.headers.update(page_fields(style, words.language))
    return response


def address(path: str, language: str | None = None) -> str:
    """A path of this page that keeps the language, if one was chosen."""
    chosen = language or request.args.get("lang")
    return path if chosen not in ("ja", "en") else f"{path}?lang={chosen}"


def grouped(code: ResidentCode, *, masked: bool = False) -> str:
    """A resident record code as people read it, or only its end."""
    text = code.digits
    return f"•••• {text[-4:]}" if masked else f"{text[:4]} {text[4:8]} {text[8:]}"


@cache
def _style() -> str:
    # An .html file, so that it is packaged with the pages; it stands in their <style>.
    folder = resources.files(__package__) / "templates"
    return (folder / "style.html").read_text("utf-8")
