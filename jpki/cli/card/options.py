"""What the commands of this group share: which card, which PIN, which words."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final, TextIO, TypeVar

import click

from jpki.cards.card_types import PINCharacters, PINRule
from jpki.cards.places import CardPlace, card_place, open_place
from jpki.cards.session import CardSession
from jpki.cli.language import Words
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose

__all__ = [
    "FACE",
    "as_json",
    "asked",
    "card_option",
    "opened",
    "pin_argument",
    "pin_file",
    "place_of",
    "purpose_argument",
    "secret_of",
    "word",
]

T = TypeVar("T")

_PURPOSES: Final = {purpose.value: purpose for purpose in Purpose}

word: Final = Words(
    {
        "signature": ("署名用", "signature"),
        "authentication": ("利用者証明用", "authentication"),
        "face": ("券面事項", "face"),
        "pin": ("暗証番号", "PIN"),
        "opener": (
            "暗証番号（4桁）、個人番号または照合番号B",
            "PIN (4 digits), 個人番号 or 照合番号B",
        ),
        "name": ("氏名", "name"),
        "address": ("住所", "address"),
        "birth": ("生年月日", "born"),
        "gender": ("性別", "gender"),
        "gender-1": ("男", "male"),
        "gender-2": ("女", "female"),
        "gender-9": ("不明", "unknown"),
        "my-number": ("個人番号", "個人番号"),
        "card-number": ("カード番号", "card number"),
        "photo": (
            "顔写真 {octets}バイト（--image FILE で保存）",
            "a photo of {octets} octets; --image FILE saves it",
        ),
        "no-photo": ("顔写真なし", "no photo"),
        "of": ("{which}の{pin}", "{pin} for {which}"),
        "again": ("もう一度", "once more"),
        "current": ("現在の暗証番号", "current PIN"),
        "new": ("新しい暗証番号", "new PIN"),
        "tries": ("残り{left}回", "{left} of {all} tries left"),
        "blocked": (
            "閉塞（市区町村窓口で解除）",
            "blocked; the municipal counter lifts it",
        ),
        "unset": ("未設定", "not set; the municipal counter sets it"),
        "blocked-or-unset": (
            "閉塞または未設定（市区町村窓口で設定）",
            "blocked or not set; the municipal counter sets it",
        ),
        "good-pin": ("暗証番号は正しい", "the PIN is right"),
        "changed": ("暗証番号を変更しました", "the PIN was changed"),
        "unblocked": ("暗証番号を設定しました", "the PIN was set"),
        "none": ("証明書なし", "no certificate"),
        "hidden": ("証明書あり（読出しに暗証番号）", "certificate, read after the PIN"),
        "until": ("有効期限", "valid until"),
        "ended": ("期限切れ", "ended"),
        "issuer": ("発行者", "issued by"),
        "no-card": ("カードなし", "no card"),
        "no-jpki": (
            "公的個人認証APのないカード",
            "a card without the JPKI application",
        ),
        "no-reader": ("リーダがありません", "there is no reader"),
        "in-use": ("他のプログラムが使用中", "in use by another program"),
        "inserted": ("リーダに挿入しました", "inserted in the reader"),
        "taken-out": ("取り出しました", "taken out"),
        "stop": ("Ctrl-C で取り出す", "Ctrl-C takes it out"),
        "digits": ("{size}桁の数字", "{size} digits"),
        "letters": ("{size}文字の英大文字と数字", "{size} letters A-Z and digits"),
        "to": ("〜", " to "),
    }
)


FACE: Final = "face"
"""The PIN of 券面事項入力補助AP, by which the face of the card is read."""


class _Beginning(click.ParamType[T]):
    """One of several words, or as much of it as tells it from the others."""

    name = "word"

    def __init__(self, words: Mapping[str, T]) -> None:
        self._words = words

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> T:
        found = [
            meant
            for name, meant in self._words.items()
            if value and name.startswith(str(value))
        ]
        if len(found) != 1:
            self.fail(f"{value!r} is not one of {', '.join(self._words)}", param, ctx)
        return found[0]

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[{'|'.join(self._words)}]"


purpose_argument = click.argument("purpose", type=_Beginning(_PURPOSES))
pin_argument = click.argument(
    "which", type=_Beginning({name: name for name in (*_PURPOSES, FACE)})
)
card_option = click.option(
    "--card", envvar="JPKI_CARD", metavar="CARD", help="File or `card:` URI."
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)
pin_file = click.option(
    "--pin-file",
    type=click.File("r", encoding="utf-8"),
    help="Its first line is the PIN (- is standard input); otherwise it is asked for.",
)


def place_of(card: str | None) -> CardPlace:
    """Which card is meant.

    Raises:
        CardError: the URI is none.
    """
    return card_place(card)


def opened(card: str | None) -> CardSession:
    """A session with the card.

    Raises:
        CardError: there is none, or not of a kind that is known.
    """
    return CardSession(open_place(place_of(card)))


def asked(which: str, kind: str = "pin") -> str:
    """How a PIN is asked for: which one, and whether the current or a new one."""
    return word("of", which=word(which), pin=word(kind))


def secret_of(
    file: TextIO | None, rule: PINRule | None, what: str, *, twice: bool = False
) -> Secret:
    """A PIN from a file, or typed where nobody sees it.

    Args:
        file: whose first line it is.
        rule: what such a PIN looks like, for who types it; None where that is said.
        what: how it is asked for.
        twice: a new one is typed twice.
    """

    def ask() -> str:
        if file is not None:
            return file.readline().rstrip("\r\n")
        if not sys.stdin.isatty():
            raise click.UsageError("without a terminal the PIN comes by --pin-file")
        prompt = what if rule is None else f"{what} ({_form(rule)})"
        again = f"{what} ({word('again')})" if twice else False
        typed: str = click.prompt(
            prompt, hide_input=True, confirmation_prompt=again, err=True
        )
        return typed

    return ask


def _form(rule: PINRule) -> str:
    size = str(rule.shortest)
    if rule.longest != rule.shortest:
        size += f"{word('to')}{rule.longest}"
    digits = rule.characters is PINCharacters.DIGITS
    return word("digits" if digits else "letters", size=size)
