"""Pages for people: server-rendered, usable without scripts, nothing from elsewhere.

One script is the portal's own: it signs and sends in one step where the resident's
signing agent answers, and stands on the first page where the portal has its address.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

from flask import Request, Response, render_template

from examples.portal.application import MAX_STATEMENT, PROCEDURES, Application
from examples.portal.archive import Receipt
from examples.portal.words import Words
from jpki.service.pages import page_fields
from jpki.verify import Outcome, Valid
from jpki.x509.basic_information import CertifiedAttributes
from jpki.x509.names import rfc4514

__all__ = [
    "first_page",
    "problem_page",
    "script",
    "verdict_page",
    "wants_page",
]

_MARKS: Final = {"valid": "✓", "invalid": "✕", "indeterminate": "?"}


def wants_page(request: Request) -> bool:
    """Whether the caller is a browser: it names HTML, and before JSON."""
    accepted = request.accept_mimetypes
    best = accepted.best_match(["application/json", "text/html"])
    return best == "text/html" and accepted["text/html"] > accepted["application/json"]


def first_page(words: Words, agent_url: str | None) -> Response:
    """The three steps: make, sign, send; all in one where there is an agent.

    Args:
        agent_url: where the resident's signing agent may be, on the resident's machine.
    """
    return _page(
        words,
        "first.html",
        scripted=agent_url,
        agent_url=agent_url,
        agent_words=dict(words.items("agent")),
        procedures=[(key, words("procedures", key)) for key in PROCEDURES],
        max_statement=MAX_STATEMENT,
    )


def verdict_page(
    words: Words,
    outcome: Outcome,
    application: Application,
    receipt: Receipt | None,
) -> Response:
    """The verdict as a citizen understands it, with the details folded away."""
    signer = outcome.signer
    attributes = None if signer is None else signer.attributes
    name = None if signer is None else rfc4514(signer.certificate.subject)
    return _page(
        words,
        "verdict.html",
        outcome=outcome,
        accepted=isinstance(outcome, Valid),
        mark=_MARKS[outcome.outcome],
        headline=words("verdict", outcome.outcome),
        reason=words.reason(outcome.reason, signer=name),
        advice=words.advice(outcome.code),
        judged_at=words.time(outcome.at),
        receipt=receipt,
        received_at=None if receipt is None else words.time(receipt.received_at),
        procedure=words("procedures", application.procedure),
        statement=application.statement,
        items=_items(words, attributes),
        path=[rfc4514(certificate.subject) for certificate in outcome.path],
        anchor=None if outcome.anchor is None else rfc4514(outcome.anchor.name),
        revocation=[
            words("verdict", "as_of").format(
                kind=found.kind.upper(),
                issuer=found.issuer,
                status=words("statuses", found.status),
                this_update=words.time(found.this_update),
            )
            for found in outcome.evidence
        ],
    )


def script() -> Response:
    """The first page's script."""
    response = Response(_text("script.js"), mimetype="text/javascript")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache"
    return response


def problem_page(words: Words, key: str, status: int) -> Response:
    """An error, in words."""
    response = _page(words, "problem.html", sentence=words("problem", key))
    response.status_code = status
    return response


def _items(
    words: Words, attributes: CertifiedAttributes | None
) -> list[tuple[str, list[tuple[str, bool]]]]:
    """Label and characters of each item; True where a character is a substitute."""
    if attributes is None:
        return []
    born = attributes.date_of_birth
    birth = attributes.date_of_birth_text if born is None else born.isoformat()
    name = _flagged(attributes.name, attributes.name_substitutions)
    address = _flagged(attributes.address, attributes.address_substitutions)
    gender = words("genders", attributes.gender.value)
    return [
        (words("verdict", "name"), name),
        (words("verdict", "address"), address),
        (words("verdict", "date_of_birth"), [(words.day(birth), False)]),
        (words("verdict", "gender"), [(gender, False)]),
    ]


def _flagged(text: str, flags: str) -> list[tuple[str, bool]]:
    return [
        (character, flag == "1") for character, flag in zip(text, flags, strict=True)
    ]


def _page(
    words: Words, template: str, *, scripted: str | None = None, **values: object
) -> Response:
    """A page.

    Args:
        scripted: the one address elsewhere that the page's script may speak to; None
            for a page without script.
    """
    style = _text("style.html")
    html = render_template(template, words=words, style=style, **values)
    response = Response(html, mimetype="text/html")
    response.headers.update(page_fields(style, words.language, scripted=scripted))
    return response


@cache
def _text(name: str) -> str:
    # The style is an .html file, as it stands in the pages' <style>.
    folder = resources.files(__package__) / "templates"
    return (folder / name).read_text("utf-8")
