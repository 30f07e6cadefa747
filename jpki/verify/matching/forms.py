"""Forms in which the same name or address is written.

Each form is a function from text to text; it is applied to both sides, so that it can
only make equal what it writes alike. NFKC is not among them: it would make equal what
the register keeps apart (U+FA19 and U+795E are two characters to it).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from jpki.model.places import Prefecture
from jpki.verify.matching.text import FlaggedText

__all__ = ["ADDRESS_FORMS", "NAME_FORMS", "Form", "prefecture_form"]


@dataclass(frozen=True, slots=True)
class Form:
    """One way of writing that makes no difference."""

    key: str
    words: tuple[str, str]
    """What it is, in Japanese and English."""
    apply: Callable[[FlaggedText], FlaggedText]


_SPACES: Final = re.compile(r"[\s\u3000]+")
_NUMBERS_APART: Final = re.compile(r"(?<=\d)[\s\u3000]+(?=\d)")
_SELECTORS: Final = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_WIDTHS: Final = {0xFF01 + offset: chr(0x21 + offset) for offset in range(0x5E)}
_HALF_KANA: Final = dict(
    zip(
        map(ord, "ｦｧｨｩｪｫｬｭｮｯｰｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝ"),
        "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン",
        strict=True,
    )
)
_VOICED: Final = re.compile("([ｶ-ﾄﾊ-ﾎｳ])(ﾞ)|([ﾊ-ﾎ])(ﾟ)")
_DASHES: Final = "‐‑‒–—―−－ｰ-"
_NUMBER: Final = "[〇零一二三四五六七八九十百千]+"
_COUNTED: Final = re.compile(f"({_NUMBER})(?=丁目|番地|番|号|の[0-9{_NUMBER[1:-2]}])")
_AFTER_NO: Final = re.compile(f"(?<=番地|[0-9]の|[0-9]番)({_NUMBER})")
_UNITS: Final = re.compile(
    "(?<=[0-9])(?:丁目|番地の|番地|番の|番|号室|号|の)(?=[0-9]?)"
)
_BETWEEN: Final = re.compile(f"(?<=[0-9])[ー{_DASHES}]+(?=[0-9])")
_TRAILING: Final = re.compile("(?<=[0-9])-+(?![0-9])")
_HAMLET: Final = re.compile("大字|(?<=[村町市区郡])字")
_KE_BETWEEN: Final = re.compile("(?<=[一-龠々])[ヶがガ](?=[一-龠々])")
_DIGITS: Final = {
    character: value for value, character in enumerate("〇一二三四五六七八九")
}
_POWERS: Final = {"十": 10, "百": 100, "千": 1000}


def _narrow(text: FlaggedText) -> FlaggedText:
    return text.mapped(_WIDTHS)


def _wide_kana(text: FlaggedText) -> FlaggedText:
    return text.rewritten(_VOICED, _composed).mapped(_HALF_KANA)


def _composed(match: re.Match[str]) -> str:
    base, mark, other, _ring = match.groups()
    kana = _HALF_KANA[ord(base or other)]
    if kana == "ウ":
        return "ヴ"
    return chr(ord(kana) + (1 if mark else 2))


def _one_case(text: FlaggedText) -> FlaggedText:
    table = {code: chr(code - 0x20) for code in range(ord("a"), ord("z") + 1)}
    return text.mapped(table)


def _number(match: re.Match[str]) -> str:
    text = match.group(1)
    if not any(character in _POWERS for character in text):
        digits = text.replace("零", "〇")
        return "".join(str(_DIGITS[character]) for character in digits)
    total, digit = 0, 0
    for character in text.replace("零", "〇"):
        if character in _POWERS:
            total += (digit or 1) * _POWERS[character]
            digit = 0
        else:
            digit = _DIGITS[character]
    return str(total + digit)


def _numbers(text: FlaggedText) -> FlaggedText:
    return _narrow(text).rewritten(_COUNTED, _number).rewritten(_AFTER_NO, _number)


def _blocks(text: FlaggedText) -> FlaggedText:
    joined = text.rewritten(_UNITS, lambda _match: "-")
    joined = joined.rewritten(_BETWEEN, lambda _match: "-")
    return joined.rewritten(_TRAILING, lambda _match: "")


_SPACE: Final = Form(
    "spaces",
    ("空白の有無や種類", "spaces"),
    # Between two numbers a space is all that keeps them apart.
    lambda text: text.rewritten(_NUMBERS_APART, lambda _match: "-").rewritten(
        _SPACES, lambda _match: ""
    ),
)
_WIDTH: Final = Form("width", ("全角と半角", "full and half width"), _narrow)
_KANA: Final = Form("kana", ("半角のカナ", "half-width kana"), _wide_kana)
_CASE: Final = Form("case", ("英字の大文字と小文字", "upper and lower case"), _one_case)
_IVS: Final = Form(
    "variation",
    ("字形の指定（異体字セレクタ）", "variation selectors"),
    lambda text: text.rewritten(_SELECTORS, lambda _match: ""),
)
NAME_FORMS: Final = (_IVS, _SPACE, _KANA, _WIDTH, _CASE)
"""For names, in this order."""

ADDRESS_FORMS: Final = (
    _IVS,
    _SPACE,
    _KANA,
    _WIDTH,
    _CASE,
    Form("numerals", ("番地などの漢数字", "kanji numerals in block numbers"), _numbers),
    Form(
        "blocks",
        ("丁目・番・号とハイフン", "丁目, 番, 号 or hyphens between block numbers"),
        _blocks,
    ),
    Form(
        "hamlet",
        ("「大字」「字」の有無", "大字 and 字, written or left out"),
        lambda text: text.rewritten(_HAMLET, lambda _match: ""),
    ),
    Form(
        "ke",
        ("「ヶ」「ケ」「が」の別", "ヶ, ケ or が within a place name"),
        lambda text: text.rewritten(_KE_BETWEEN, lambda _match: "ケ"),
    ),
)
"""For addresses, in this order: later ones build on earlier ones."""


def prefecture_form(prefectures: Mapping[str, Prefecture]) -> Form:
    """The prefecture's name at the beginning of an address, written or left out."""
    names = "|".join(re.escape(found.name) for found in prefectures.values())
    pattern = re.compile(f"^(?:{names})")
    return Form(
        "prefecture",
        ("都道府県名の有無", "the prefecture, written or left out"),
        lambda text: text.rewritten(pattern, lambda _match: ""),
    )
