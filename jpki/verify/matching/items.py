"""The comparison of the four items, and what it says to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from jpki.model.places import Prefecture
from jpki.model.residents import Gender
from jpki.verify.matching.claims import Claim
from jpki.verify.matching.forms import ADDRESS_FORMS, NAME_FORMS, Form, prefecture_form
from jpki.verify.matching.text import Difference, FlaggedText, differences
from jpki.verify.reasons import LANGUAGES
from jpki.x509.basic_information import CertifiedAttributes

__all__ = ["Comparison", "ItemComparison", "compare_items"]

_ITEMS: Final = {
    "name": ("氏名", "The name"),
    "address": ("住所", "The address"),
    "date_of_birth": ("生年月日", "The date of birth"),
    "gender": ("性別", "The sex"),
}
_GENDERS: Final = {
    Gender.MALE: ("男", "male"),
    Gender.FEMALE: ("女", "female"),
    Gender.UNKNOWN: ("不明", "unknown"),
}
_NOTHING: Final = ("（なし）", "–")


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemComparison:
    """One item on both sides."""

    item: str
    """`name`, `address`, `date_of_birth` or `gender`."""
    matches: bool
    certified: str
    claimed: str
    shown: tuple[tuple[str, str], tuple[str, str]] | None = None
    """Both sides as people read them, in each language; None where that is no other."""
    forms: tuple[Form, ...] = ()
    """The forms without which the two would not match."""
    substitutes: int = 0
    """Characters that were not compared, since the certificate cannot hold them."""
    differences: tuple[Difference, ...] = ()

    def text(self, language: str = "ja") -> str:
        """What was found, as a person reads it."""
        place = LANGUAGES.index(language)
        label = _ITEMS[self.item][place]
        if not self.matches:
            return self._mismatch(label, place)
        sentence = (f"{label}は一致します。", f"{label} is the same.")[place]
        if self.forms:
            named = "、".join(form.words[0] for form in self.forms)
            listed = ", ".join(form.words[1] for form in self.forms)
            sentence += (
                f"書き方の違い（{named}）は違いとみなしません。",
                f" It is only written differently ({listed}).",
            )[place]
        if self.substitutes:
            sentence += (
                f"証明書で使えない{self.substitutes}文字は比べていません。",
                f" {self.substitutes} character(s) that a certificate cannot hold were "
                "not compared.",
            )[place]
        return sentence

    def _mismatch(self, label: str, place: int) -> str:
        if not self.differences:
            stated = (self.certified, self.claimed)
            certified, claimed = self.shown[place] if self.shown else stated
            return (
                f"{label}が異なります。証明書: {certified}、申請: {claimed}",
                f"{label} differs: certificate {certified}, application {claimed}.",
            )[place]
        pairs = [
            (found.certified or _NOTHING[place], found.claimed or _NOTHING[place])
            for found in self.differences
        ]
        if place == 0:
            told = "、".join(
                f"証明書「{ours}」・申請「{theirs}」" for ours, theirs in pairs
            )
            return f"{label}が異なります。{told}"
        told = "; ".join(
            f"certificate “{ours}”, application “{theirs}”" for ours, theirs in pairs
        )
        return f"{label} differs: {told}."

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable form."""
        return {
            "item": self.item,
            "matches": self.matches,
            "certified": self.certified,
            "claimed": self.claimed,
            "forms": [form.key for form in self.forms],
            "substitutes": self.substitutes,
            "differences": [
                {
                    "position": found.position,
                    "certified": found.certified,
                    "claimed": found.claimed,
                }
                for found in self.differences
            ],
            "text": {language: self.text(language) for language in LANGUAGES},
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All items that the application states."""

    items: tuple[ItemComparison, ...]

    @property
    def matches(self) -> bool:
        """Whether something was compared, and all of it is the same."""
        return bool(self.items) and all(item.matches for item in self.items)

    def text(self, language: str = "ja") -> str:
        """One sentence for each item."""
        return "\n".join(item.text(language) for item in self.items)

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable form."""
        return {
            "matches": self.matches,
            "items": [item.to_json() for item in self.items],
        }


def compare_items(
    certified: CertifiedAttributes,
    claim: Claim,
    *,
    prefectures: Mapping[str, Prefecture] | None = None,
) -> Comparison:
    """Compare what the certificate states with what the application states.

    Args:
        certified: of a signer whose signature is valid.
        claim: what the application says; what it leaves out is not compared.
        prefectures: with their names, an address may leave its prefecture out.
    """
    found: list[ItemComparison] = []
    if claim.name is not None:
        name = FlaggedText(certified.name, certified.name_substitutions)
        found.append(_compared("name", name, claim.name, NAME_FORMS))
    if claim.address is not None:
        forms: Sequence[Form] = ADDRESS_FORMS
        if prefectures is not None:
            forms = (*forms, prefecture_form(prefectures))
        address = FlaggedText(certified.address, certified.address_substitutions)
        found.append(_compared("address", address, claim.address, forms))
    if claim.date_of_birth is not None:
        found.append(_born(certified, claim.date_of_birth))
    if claim.gender is not None:
        ours, theirs = _GENDERS[certified.gender], _GENDERS[claim.gender]
        found.append(
            ItemComparison(
                item="gender",
                matches=certified.gender is claim.gender,
                certified=ours[0],
                claimed=theirs[0],
                shown=((ours[0], theirs[0]), (ours[1], theirs[1])),
            )
        )
    return Comparison(items=tuple(found))


def _compared(
    item: str, certified: FlaggedText, claimed: str, forms: Sequence[Form]
) -> ItemComparison:
    ours, theirs = certified, FlaggedText.plain(claimed)
    needed: list[Form] = []
    for form in forms:
        if ours.matches(theirs):
            break
        before = (ours.text, theirs.text)
        ours, theirs = form.apply(ours), form.apply(theirs)
        if (ours.text, theirs.text) != before:
            needed.append(form)
    matches = ours.matches(theirs)
    return ItemComparison(
        item=item,
        matches=matches,
        certified=certified.text,
        claimed=claimed,
        forms=_necessary(certified, claimed, needed) if matches else (),
        substitutes=ours.flags.count("1") if matches else 0,
        differences=() if matches else differences(ours, theirs),
    )


def _necessary(
    certified: FlaggedText, claimed: str, forms: Sequence[Form]
) -> tuple[Form, ...]:
    """Of the forms that changed something, those without which there is no match."""
    kept = list(forms)
    for form in forms:
        others = [other for other in kept if other is not form]
        ours, theirs = certified, FlaggedText.plain(claimed)
        for other in others:
            ours, theirs = other.apply(ours), other.apply(theirs)
        if ours.matches(theirs):
            kept = others
    return tuple(kept)


def _born(certified: CertifiedAttributes, claimed: date) -> ItemComparison:
    """Month or day that the register does not know (00) is not compared."""
    text = certified.date_of_birth_text[1:]
    stated = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    known = [
        part == theirs or not part.strip("0")
        for part, theirs in zip(
            stated.split("-"), claimed.isoformat().split("-"), strict=True
        )
    ]
    return ItemComparison(
        item="date_of_birth",
        matches=all(known) and text[:4] != "0000",
        certified=stated,
        claimed=claimed.isoformat(),
    )
