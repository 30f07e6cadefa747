"""What went wrong and what to do about it, in the language of the terminal.

Messages of errors are English. What a holder of a card meets, who types a wrong PIN or
forgets the card, is said in Japanese as well where the terminal is Japanese; of the
other errors the message is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import click

from jpki.cli.language import language_of
from jpki.errors import JpkiError, PINError, PINFormatError

__all__ = ["JAPANESE", "complain"]

_Told: TypeAlias = tuple[str, str | None]
"""A sentence, and the next step."""


def complain(error: JpkiError) -> None:
    """Print an error as a sentence, the next step and its code; never a traceback."""
    message, hint = error.message, error.hint
    if language_of() == "ja" and error.code in JAPANESE:
        message, hint = JAPANESE[error.code](error)
    click.echo(f"jpki: {message}", err=True)
    if hint:
        click.echo(f"      → {hint}", err=True)
    click.echo(f"      [{error.code}]", err=True)


def _wrong(error: JpkiError) -> _Told:
    assert isinstance(error, PINError)
    last = error.retries_left == 1
    return (
        f"暗証番号が違います。残り{error.retries_left}回です",
        "次に間違えると使えなくなります（閉塞）" if last else None,
    )


def _form(error: JpkiError) -> _Told:
    assert isinstance(error, PINFormatError)
    hint = "カードには送っていません。残り回数は減りません"
    if error.characters is None:
        return f"暗証番号の形が違います（{error.message}）", hint
    size = str(error.shortest)
    if error.longest != error.shortest:
        size += f"〜{error.longest}"
    kind = {
        "digits": f"{size}桁の数字",
        "alphanumeric": f"{size}文字の英数字",
        "letters-and-digits": f"{size}文字の、英字と数字を両方含む英数字",
    }
    return f"暗証番号は{kind[error.characters]}です", hint


def _with_hint(sentence: str, hint: str | None = None) -> Callable[[JpkiError], _Told]:
    """A sentence with the message in it; the hint, or that of the error itself."""
    return lambda error: (sentence.format(message=error.message), hint or error.hint)


JAPANESE: Final[Mapping[str, Callable[[JpkiError], _Told]]] = {
    "card": _with_hint("カードを使えません（{message}）"),
    "card.apdu": _with_hint("カードが処理できませんでした（{message}）"),
    "card.pin-wrong": _wrong,
    "card.pin-format": _form,
    "card.pin-blocked": _with_hint(
        "暗証番号は使えなくなっています（閉塞）",
        "市区町村の窓口で新しい暗証番号を設定できます",
    ),
    "card.wrong-card": _with_hint("このカードではできません（{message}）"),
    "card.gone": _with_hint(
        "カードがありません（{message}）",
        "カードをリーダに置くか、--card でカードのファイルを指定してください",
    ),
}
"""By code of error."""
