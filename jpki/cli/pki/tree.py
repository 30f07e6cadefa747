"""A built PKI as a tree for the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from jpki.authority.office.identifiers import BRIDGE
from jpki.cli.pki.manifest import Entry, Manifest
from jpki.model.calendar import JST

__all__ = ["tree"]

_TITLE_WIDTH: Final = 16


def tree(manifest: Manifest) -> Iterator[str]:
    """The lines, from the top."""
    yield f"{manifest.era} · {manifest.title} · {manifest.at.astimezone(JST):%Y-%m-%d}"
    yield "a test PKI"
    yield ""
    authorities = manifest.of("authority")
    for bridge in authorities:
        if bridge.holder == BRIDGE:
            governors = [entry for entry in authorities if entry.holder != BRIDGE]
            yield from _mesh(manifest, bridge, governors)
            return
    for number, holder in enumerate(dict.fromkeys(e.holder for e in authorities)):
        if number:
            yield ""
        keys = [entry for entry in authorities if entry.holder == holder]
        yield from _nation(manifest, keys)


def _mesh(
    manifest: Manifest, bridge: Entry, governors: Sequence[Entry]
) -> Iterator[str]:
    crosses = {(entry.issuer, entry.holder) for entry in manifest.of("cross")}
    yield f"{bridge.title}  {bridge.holder}  {_life(bridge)}"
    for branch, governor in _branches(governors):
        there = (governor.holder, BRIDGE) in crosses
        back = (BRIDGE, governor.holder) in crosses
        arrow = {(True, True): "⇄", (True, False): "→", (False, True): "←"}
        yield (
            f"{branch.head} {arrow.get((there, back), ' ')} "
            f"{_padded(governor.title or '')} {governor.holder}  {_life(governor)}"
        )
        for twig, person in _branches(_certified_by(manifest, governor)):
            yield f"{branch.tail} {twig.head} {_person(person)}"


def _nation(manifest: Manifest, keys: Sequence[Entry]) -> Iterator[str]:
    yield f"{keys[0].title}  {keys[0].holder}"
    yield f"  {keys[0].subject}"
    for branch, key in _branches(keys):
        yield f"{branch.head} key {key.generation}  {_life(key)}"
        for twig, person in _branches(
            [
                entry
                for entry in _certified_by(manifest, key)
                if entry.generation == key.generation
            ]
        ):
            yield f"{branch.tail} {twig.head} {_person(person)}"


def _certified_by(manifest: Manifest, authority: Entry) -> list[Entry]:
    return [entry for entry in manifest.persons() if entry.issuer == authority.holder]


def _person(entry: Entry) -> str:
    name = entry.title or entry.subject or ""
    return f"{_padded(name)} {entry.holder}  {_life(entry)}"


def _life(entry: Entry) -> str:
    assert entry.begins is not None
    assert entry.ends is not None
    begins, ends = (moment.astimezone(JST) for moment in (entry.begins, entry.ends))
    return f"{entry.suite}  {begins:%Y-%m-%d} – {ends:%Y-%m-%d}"


class _Branch:
    def __init__(self, *, last: bool) -> None:
        self.head = "└─" if last else "├─"
        self.tail = "  " if last else "│ "


def _branches(entries: Sequence[Entry]) -> Iterator[tuple[_Branch, Entry]]:
    for number, entry in enumerate(entries, 1):
        yield _Branch(last=number == len(entries)), entry


def _padded(text: str) -> str:
    """Filled with spaces; a full-width character is two columns wide."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return text + " " * (_TITLE_WIDTH - len(text) - wide)
