"""The window's pages: plain HTML, no script, nothing loaded, framed by nobody.

The PIN's field is text that shows as dots: browsers offer to keep what is typed in
password fields, and send other texts to spelling services unless told not to.
"""

from __future__ import annotations

import hashlib
from functools import cache
from html import escape
from http import HTTPStatus
from importlib import resources
from typing import Final

from jpki.agent.person import CardLook, Ending, Holder, Question, Step
from jpki.agent.window import Shown
from jpki.agent.wire import SignatureRequest
from jpki.agent.words import Words, words_in
from jpki.cards.card_types import PINCharacters, PINRule
from jpki.errors import JpkiError
from jpki.model.purposes import Purpose
from jpki.service.answers import Answer
from jpki.service.pages import page_fields

__all__ = ["CANCEL", "GO_ON", "confirmation_page", "problem_page"]

GO_ON: Final = "go-on"
CANCEL: Final = "cancel"
"""Values of the buttons."""


class _HTML(str):
    """Text that is HTML already."""

    __slots__ = ()


def _tag(element: str, /, *content: str, **attributes: str) -> _HTML:
    """An element; what is not HTML already is made it."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    return _HTML(f"<{element}{written}>{_joined(*content)}</{element}>")


def _joined(*content: str) -> _HTML:
    return _HTML(
        "".join(part if isinstance(part, _HTML) else escape(part) for part in content)
    )


def confirmation_page(shown: Shown, *, phrase: str | None) -> Answer:
    """What the person sees now."""
    content = shown.content
    words = words_in(content.request.language)
    purpose = content.request.purpose
    if isinstance(content, Ending):
        body = _ending(words, content)
    else:
        body = _question(words, content, shown.token or "")
    return _page(words, words.of("title", purpose), body, phrase=phrase)


def problem_page(
    error: JpkiError, language: str, *, status: int, phrase: str | None = None
) -> Answer:
    """There is nothing to confirm, in words."""
    words = words_in(language)
    body = _tag(
        "section",
        _tag("h2", words("not_done")),
        _tag("p", words.problem(error)),
        class_="ending unsigned",
        role="alert",
    )
    return _page(words, words("title"), body, status=status, phrase=phrase)


# -- parts ----------------------------------------------------------------------------


def _question(words: Words, asked: Question, token: str) -> _HTML:
    request = asked.request
    parts: list[_HTML] = []
    if asked.complaint is not None:
        parts.append(
            _tag(
                "section",
                _tag("p", words.problem(asked.complaint)),
                class_="alert",
                role="alert",
            )
        )
    if asked.step is Step.AGREE and asked.holder is not None:
        parts += [
            _who(words, request),
            _holder(words, asked.holder),
            _meaning(words, request),
            _form(words, asked, token),
            _tag(
                "details",
                _tag("summary", words("again")),
                *_document(words, request),
            ),
        ]
    elif asked.step is Step.PIN and asked.card is not None:
        parts += [
            _who(words, request),
            _tag(
                "section",
                _tag("h2", words.of("what", request.purpose)),
                *_document(words, request),
            ),
            _meaning(words, request),
            _card(words, request, asked.card),
            _form(words, asked, token),
        ]
    else:
        parts += [
            _tag(
                "section",
                _tag("h2", words("insert")),
                _tag("p", words("insert_help")),
            ),
            _who(words, request),
            _form(words, asked, token),
        ]
    return _joined(*parts)


def _ending(words: Words, ending: Ending) -> _HTML:
    purpose, error = ending.request.purpose, ending.error
    if error is None:
        return _tag(
            "section",
            _tag("h2", words.of("done", purpose)),
            _tag("p", words("done_help")),
            _tag("p", ending.request.origin, class_="origin"),
            class_="ending signed",
            role="status",
        )
    return _tag(
        "section",
        _tag("h2", words("not_done")),
        _tag("p", words.problem(error)),
        _tag("p", words("close"), class_="hint"),
        class_="ending unsigned",
        role="alert",
    )


def _who(words: Words, request: SignatureRequest) -> _HTML:
    return _tag(
        "section",
        _tag("h2", words.of("who", request.purpose)),
        _tag("p", request.origin, class_="origin"),
        _tag("p", words("who_help"), class_="hint"),
    )


def _document(words: Words, request: SignatureRequest) -> list[_HTML]:
    digest = hashlib.sha256(request.content).hexdigest()
    size = f"{len(request.content):,} {words('octets')}"
    facts = _rows(
        (words("kind"), request.media_type),
        (words("size"), size),
        (words("digest"), _tag("span", digest, class_="digest")),
    )
    if request.purpose is Purpose.AUTHENTICATION:
        return [_tag("pre", request.text or "", tabindex="0")]
    shown = [_tag("p", words.document(request), class_="document")]
    if request.text is None:
        return [*shown, _tag("p", words("pdf")), facts]
    if request.outline:
        rows = _tag("div", _rows(*request.outline), class_="outline")
        shown += [rows, _tag("p", words("source"), class_="hint")]
    # The first line end after <pre> is not shown: one is put there to be lost.
    return [*shown, _tag("pre", f"\n{request.text}", tabindex="0"), facts]


def _meaning(words: Words, request: SignatureRequest) -> _HTML:
    return _tag(
        "section",
        _tag("h2", words("meaning")),
        _tag("p", words(request.purpose.value)),
    )


def _card(words: Words, request: SignatureRequest, card: CardLook) -> _HTML:
    rows = [
        (words("card_kind"), f"{card.title}  {card.serial}"),
        (words("certificate"), words(f"certificate_{request.purpose.value}")),
    ]
    parts = []
    if card.holder is not None:
        rows += words.items(card.holder)
        parts = _expiry(words, card.holder)
    rows.append((words("tries"), words.tries(card)))
    return _tag("section", _tag("h2", words("card")), _rows(*rows), *parts)


def _holder(words: Words, holder: Holder) -> _HTML:
    return _tag(
        "section",
        _tag("h2", words("holder")),
        _tag("p", words("holder_help")),
        _rows(*words.items(holder)),
        *_expiry(words, holder),
        class_="holder",
    )


def _expiry(words: Words, holder: Holder) -> list[_HTML]:
    if not holder.expired:
        return []
    return [_tag("p", words("expired"), class_="alert", role="alert")]


def _form(words: Words, asked: Question, token: str) -> _HTML:
    fields = [_HTML(f'<input type="hidden" name="token" value="{escape(token)}">')]
    key = {Step.AGREE: "sign", Step.INSERT: "continue"}.get(asked.step)
    if asked.step is Step.PIN and asked.card is not None:
        purpose = asked.request.purpose
        key = "next" if purpose is Purpose.SIGNATURE else "login"
        fields += [
            _tag("label", words(f"pin_{purpose.value}"), for_="pin"),
            _pin_field(asked.card.rule),
            _tag("p", words.pin_form(asked.card.rule), class_="hint", id="form"),
            _tag("p", words("pin_help"), class_="hint"),
        ]
    assert key is not None
    buttons = _tag(
        "div",
        _button(words(key), GO_ON, "yes"),
        _button(words("cancel"), CANCEL, "no"),
        class_="buttons",
    )
    form = _tag(
        "form", *fields, buttons, method="post", action="/confirm", autocomplete="off"
    )
    return _tag("section", form)


def _pin_field(rule: PINRule) -> _HTML:
    # Not focused by itself: a small window would then open below the document.
    mode = "numeric" if rule.characters is PINCharacters.DIGITS else "text"
    return _HTML(
        '<input id="pin" name="pin" type="text" autocomplete="off" spellcheck="false"'
        f' autocapitalize="off" autocorrect="off" inputmode="{mode}"'
        ' aria-describedby="form" maxlength="64">'
    )


def _button(text: str, act: str, kind: str) -> _HTML:
    return _tag("button", text, name="act", value=act, type="submit", class_=kind)


def _rows(*rows: tuple[str, str]) -> _HTML:
    return _tag(
        "dl",
        *(part for key, value in rows for part in (_tag("dt", key), _tag("dd", value))),
    )


# -- the whole ------------------------------------------------------------------------


def _page(
    words: Words,
    title: str,
    body: _HTML,
    *,
    phrase: str | None,
    status: int = HTTPStatus.OK,
) -> Answer:
    style = _style()
    top = [_tag("h1", title), _tag("p", words("from_agent"))]
    if phrase is not None:
        said = (f"{words('phrase')}: ", _tag("b", phrase))
        top.append(_tag("p", *said, class_="phrase"))
    head = _joined(
        _HTML('<meta charset="utf-8">'),
        _HTML('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        _tag("title", title),
        _HTML(f"<style>{style}</style>"),
    )
    html = _tag(
        "html",
        _tag("head", head),
        _tag("body", _tag("header", *top), _tag("main", body)),
        lang=words.language,
    )
    return Answer(
        status=int(status),
        body=f"<!DOCTYPE html>\n{html}".encode(),
        headers=(
            ("Content-Type", "text/html; charset=utf-8"),
            *page_fields(style, words.language),
        ),
    )


@cache
def _style() -> str:
    return (resources.files(__package__) / "style.css").read_text("utf-8")
