"""A verdict in a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from jpki.model.calendar import JST
from jpki.verify import Outcome, Reason
from jpki.x509.names import rfc4514

if TYPE_CHECKING:
    from jpki.verify.matching import Comparison

__all__ = ["EXIT", "show"]

EXIT: Final[Mapping[str, int]] = {"valid": 0, "invalid": 1, "indeterminate": 3}
"""The exit code of each outcome."""

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""As reasons carry it."""

_MARKS: Final = {
    "valid": ("✓", "green"),
    "invalid": ("✗", "red"),
    "indeterminate": ("?", "yellow"),
}
_WORDS: Final = {
    "signer": ("署名者", "signer"),
    "born": ("生年月日", "born"),
    "address": ("住所", "address"),
    "gender": ("性別", "gender"),
    "gender-1": ("男", "male"),
    "gender-2": ("女", "female"),
    "gender-9": ("不明", "unknown"),
    "good": ("失効なし", "good"),
    "revoked": ("失効", "revoked"),
    "stale": ("期限切れ", "stale"),
    "unusable": ("利用不可", "unusable"),
    "another": (
        "署名者は申請の述べる人ではありません",
        "the signer is not who the claim says",
    ),
    "anchor": ("信頼点", "trust anchor"),
    "evidence": ("根拠", "evidence"),
    "timestamp": ("時刻証明", "timestamp"),
    "judged": ("判定の基準日時", "judged as of"),
    "claimed": ("署名者の述べる日時（証明なし）", "signed, the signer says"),
    "signature": ("署名のあるファイル", "signature in"),
    "covered": ("署名の対象", "covered by the signature"),
    "not_covered": (
        "署名の対象でないファイル（信頼できません）",
        "not covered by the signature, not to be relied on",
    ),
    "note": ("注記", "note"),
    "valid": ("有効", "valid"),
    "invalid": ("無効", "invalid"),
    "indeterminate": ("判定不能", "indeterminate"),
}


def show(
    outcome: Outcome,
    language: str,
    *,
    name: str | None = None,
    comparison: Comparison | None = None,
) -> None:
    """Print a verdict.

    Args:
        name: of the document, where there are several.
        comparison: of the signer's items with an application's.
    """

    def word(key: str) -> str:
        return _WORDS[key][language == "en"]

    def line(key: str, text: str) -> None:
        click.echo(f"  {word(key)}: {text}")

    mark, colour = _MARKS[outcome.outcome]
    title = f"{mark} {word(outcome.outcome)}"
    if name is not None:
        title += f" · {name}"
    click.echo(click.style(title, fg=colour, bold=True))
    if comparison is not None and not comparison.matches:
        click.echo(click.style(f"✗ {word('another')}", fg="red", bold=True))
    click.echo(f"  {_spoken(outcome.reason).text(language)}  [{outcome.code.value}]")
    signer = outcome.signer
    if signer is not None and signer.attributes is not None:
        items = signer.attributes
        line("signer", items.name)
        line("born", str(items.date_of_birth or "–"))
        line("address", items.address)
        line("gender", word(f"gender-{items.gender.value}"))
    elif signer is not None:
        line("signer", rfc4514(signer.certificate.subject))
    if comparison is not None:
        for item in comparison.items:
            sign, colour = ("=", "green") if item.matches else ("≠", "red")
            sign = click.style(sign, fg=colour)
            click.echo(f"  {sign} {item.text(language)}")
    line("judged", _local(outcome.at))
    if outcome.claimed_at is not None:
        line("claimed", _local(outcome.claimed_at))
    if outcome.anchor is not None:
        line("anchor", rfc4514(outcome.anchor.name))
    for proof in outcome.proofs:
        line("timestamp", f"{_local(proof.at)} · {rfc4514(proof.authority.subject)}")
    for entry in outcome.evidence:
        number = "" if entry.number is None else f" {entry.number}"
        line(
            "evidence",
            f"{entry.kind.upper()}{number} {word(entry.status)} · "
            f"{_local(entry.this_update)} – {_local(entry.next_update)} · "
            f"{entry.issuer}",
        )
    if outcome.signature_file is not None:
        line("signature", outcome.signature_file)
    if outcome.covered:
        line("covered", ", ".join(outcome.covered))
    if outcome.not_covered:
        names = ", ".join(outcome.not_covered)
        text = f"  ! {word('not_covered')}: {names}"
        click.echo(click.style(text, fg="yellow", bold=True))
    for note in outcome.notes:
        line("note", note)


def _spoken(reason: Reason) -> Reason:
    """With its instants in the time of Japan, as those of the other lines are."""
    shown = {
        key: _local(datetime.fromisoformat(value))
        if _INSTANT.fullmatch(value)
        else value
        for key, value in reason.data.items()
    }
    return replace(reason, data=shown)


def _local(at: datetime | None) -> str:
    return "–" if at is None else f"{at.astimezone(JST):%Y-%m-%d %H:%M:%S} JST"
