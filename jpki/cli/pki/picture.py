"""A built PKI as a picture (SVG): the bridge amid the prefectures, or lives of keys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from jpki import data
from jpki.authority.office.identifiers import BRIDGE
from jpki.cli.pki.manifest import Entry, Manifest
from jpki.model.calendar import JST

__all__ = ["picture"]

_INK: Final = "#1f2933"
_PALE: Final = "#7b8794"
_PAPER: Final = "#fbfaf7"
_ACCENT: Final = "#b3312c"
_REGIONS: Final = (
    # 八地方区分: the last code of each, its name, its colour.
    ("01", "北海道", "#4f6d9b"),
    ("07", "東北", "#3f8f9b"),
    ("14", "関東", "#4d9460"),
    ("23", "中部", "#8d9c3c"),
    ("30", "近畿", "#c9932b"),
    ("35", "中国", "#cf6f3a"),
    ("39", "四国", "#c2527c"),
    ("47", "九州・沖縄", "#8257a0"),
)
_STYLE: Final = (
    "text{font-family:'Noto Sans CJK JP','Hiragino Sans','Yu Gothic','IPAPGothic',"
    f"sans-serif;fill:{_INK}}}"
    f".pale{{fill:{_PALE}}}.title{{font-size:30px;font-weight:600}}"
    ".name{font-size:17px}.small{font-size:14px}.tiny{font-size:12px}"
    ".middle{text-anchor:middle}.end{text-anchor:end}"
)


def picture(manifest: Manifest) -> str:
    """The SVG document."""
    authorities = manifest.of("authority")
    for bridge in authorities:
        if bridge.holder == BRIDGE:
            governors = [entry for entry in authorities if entry.holder != BRIDGE]
            return _mesh(manifest, bridge, governors)
    return _nation(manifest, authorities)


def _document(width: int, height: int, manifest: Manifest, parts: Sequence[str]) -> str:
    at = f"{manifest.at.astimezone(JST):%Y-%m-%d}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(f'{manifest.era}: {manifest.title}, {at}')}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect width="{width}" height="{height}" fill="{_PAPER}"/>',
            _text(48, 66, manifest.era, "title"),
            _text(48, 94, f"{manifest.title} · {at}", "name pale"),
            _text(48, height - 32, "JPKI Reference Test – a test PKI", "tiny pale"),
            *parts,
            "</svg>",
            "",
        ]
    )


def _text(x: float, y: float, text: str, style: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}"{more}>{escape(text)}</text>'


# The mesh

_SIDE: Final = 1200
_MIDDLE: Final = _SIDE / 2
_RING: Final = 388
_CORE: Final = 96
_NODE: Final = 11


def _mesh(manifest: Manifest, bridge: Entry, governors: Sequence[Entry]) -> str:
    crosses = {(entry.issuer, entry.holder) for entry in manifest.of("cross")}
    served = {entry.issuer for entry in manifest.persons()}
    lines: list[str] = []
    nodes: list[str] = []
    for number, governor in enumerate(governors):
        angle = math.tau * number / len(governors) - math.tau / 4
        colour = _colour(governor.prefecture)
        ways = ((governor.holder, BRIDGE), (BRIDGE, governor.holder))
        lines += [
            _bow(angle, bend, colour)
            for bend, way in zip((-1, 1), ways, strict=True)
            if way in crosses
        ]
        nodes += _node(angle, governor, colour, served=governor.holder in served)
    parts = [*lines, *nodes, *_core(bridge), *_legend(governors)]
    return _document(_SIDE, _SIDE, manifest, parts)


def _at(angle: float, radius: float) -> tuple[float, float]:
    return (
        _MIDDLE + radius * math.cos(angle),
        _MIDDLE + 26 + radius * math.sin(angle),
    )


def _bow(angle: float, bend: int, colour: str) -> str:
    """One cross certificate: an arc between bridge and governor."""
    begin, end = _at(angle, _CORE), _at(angle, _RING - _NODE)
    turn = _at(angle + bend * 0.035, (_CORE + _RING) / 2)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (turn, end))
    return (
        f'<path d="M{begin[0]:.1f},{begin[1]:.1f} Q{points}" fill="none" '
        f'stroke="{colour}" stroke-width="1.4" stroke-opacity="0.55"/>'
    )


def _node(angle: float, governor: Entry, colour: str, *, served: bool) -> Iterator[str]:
    x, y = _at(angle, _RING)
    tip = f"{governor.subject}\n{governor.serial}\n{_life(governor)}"
    yield (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_NODE}" fill="{colour}">'
        f"<title>{escape(tip)}</title></circle>"
    )
    if served:
        # A test person holds a certificate of this authority.
        px, py = _at(angle, _RING + _NODE + 9)
        yield f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" fill="{_ACCENT}"/>'
    turned = math.degrees(angle)
    left = math.cos(angle) < -1e-9
    tx, ty = _at(angle, _RING + _NODE + 22)
    # Nobody reads upside down.
    turn = f"rotate({turned + 180 if left else turned:.2f} {tx:.1f} {ty:.1f})"
    place = data.prefectures().get(governor.prefecture or "")
    name = f"{place.name} {place.romaji}" if place else str(governor.title)
    yield _text(
        tx, ty, name, f"small{' end' if left else ''}", f' transform="{turn}" dy="5"'
    )


def _core(bridge: Entry) -> Iterator[str]:
    x, y = _at(0, 0)
    yield (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_CORE}" fill="#fff" '
        f'stroke="{_INK}" stroke-width="2"/>'
    )
    yield _text(x, y - 22, str(bridge.title), "name middle")
    yield _text(x, y + 2, "Bridge CA", "small middle")
    yield _text(x, y + 26, str(bridge.suite), "tiny middle pale")
    yield _text(x, y + 44, _life(bridge), "tiny middle pale")


def _legend(governors: Sequence[Entry]) -> Iterator[str]:
    shown = {_colour(governor.prefecture) for governor in governors}
    rows = [(name, colour) for _, name, colour in _REGIONS if colour in shown]
    y = _SIDE - 60 - 22 * len(rows)
    for number, (name, colour) in enumerate(rows):
        yield (
            f'<circle cx="54" cy="{y + 22 * number - 5}" r="6" fill="{colour}"/>'
            f"{_text(70, y + 22 * number, name, 'small')}"
        )
    right = _SIDE - 48
    for number, line in enumerate(
        (
            f"{len(governors)} governors' authorities 都道府県知事認証局",
            "two arcs: cross certificates both ways 相互認証証明書",
        )
    ):
        yield _text(right, _SIDE - 76 + 22 * number, line, "small end")
    yield (
        f'<circle cx="{right - 4}" cy="{_SIDE - 37}" r="3.5" fill="{_ACCENT}"/>'
        f"{_text(right - 14, _SIDE - 32, 'test person 試験', 'small end')}"
    )


def _colour(prefecture: str | None) -> str:
    for last, _, colour in _REGIONS:
        if prefecture is not None and prefecture <= last:
            return colour
    return _PALE


# The national authorities

_WIDTH: Final = 1200
_LEFT: Final = 60
_RIGHT: Final = _WIDTH - 60
_BAR: Final = 64
_GAP: Final = 18
_LABEL: Final = 210
"""What stands in a bar needs so much; the test persons come after it."""
_DOT: Final = 15


def _nation(manifest: Manifest, keys: Sequence[Entry]) -> str:
    first = min(_instant(key.begins) for key in keys)
    last = max(_instant(key.ends) for key in keys)
    margin = (last - first) * 0.03
    scale = _Scale(first - margin, last + margin)
    parts: list[str] = []
    y = 160.0
    for number, holder in enumerate(dict.fromkeys(key.holder for key in keys)):
        colour = _REGIONS[0][2] if number % 2 == 0 else _REGIONS[2][2]
        own = [key for key in keys if key.holder == holder]
        parts.append(_text(_LEFT, y, str(own[0].title), "name"))
        parts.append(_text(_LEFT, y + 22, str(own[0].subject), "tiny pale"))
        y += 38
        for key in own:
            parts += _bar(manifest, scale, key, y, colour)
            y += _BAR + _GAP
        y += 44
    height = round(y + 60)
    return _document(_WIDTH, height, manifest, [*_years(scale, y), *parts])


class _Scale:
    """Time as a place on the page."""

    def __init__(self, begins: datetime, ends: datetime) -> None:
        self.begins = begins
        self.ends = ends

    def __call__(self, moment: datetime) -> float:
        part = (moment - self.begins) / (self.ends - self.begins)
        return _LEFT + part * (_RIGHT - _LEFT)


def _years(scale: _Scale, bottom: float) -> Iterator[str]:
    for year in range(scale.begins.year + 1, scale.ends.year + 1):
        x = scale(scale.begins.replace(year=year, month=1, day=1))
        yield (
            f'<path d="M{x:.1f},126 V{bottom - 34:.1f}" stroke="{_PALE}" '
            'stroke-opacity="0.25"/>'
        )
        yield _text(x, bottom - 14, str(year), "tiny middle pale")


def _bar(
    manifest: Manifest, scale: _Scale, key: Entry, y: float, colour: str
) -> Iterator[str]:
    """One key: from when until when, and whom it has certified."""
    left, right = scale(_instant(key.begins)), scale(_instant(key.ends))
    tip = f"{key.subject}\n{key.serial}\n{_life(key)}"
    yield (
        f'<rect x="{left:.1f}" y="{y:.1f}" width="{right - left:.1f}" height="{_BAR}" '
        f'rx="8" fill="{colour}" fill-opacity="0.16" stroke="{colour}" '
        f'stroke-width="1.5"><title>{escape(tip)}</title></rect>'
    )
    yield _text(left + 16, y + 23, f"key {key.generation} · {key.suite}", "small")
    yield _text(left + 16, y + 40, _life(key), "tiny pale")
    persons = [
        entry
        for entry in manifest.persons()
        if (entry.issuer, entry.generation) == (key.holder, key.generation)
    ]
    if not persons:
        return
    told = f"{len(persons)} test person{'s' if len(persons) > 1 else ''} 試験"
    yield _text(left + 16, y + 56, told, "tiny")
    row = max(1, int((right - left - _LABEL) / _DOT))
    top = y + _BAR / 2 - (math.ceil(len(persons) / row) - 1) * _DOT / 2
    for number, person in enumerate(persons):
        x, line = left + _LABEL + number % row * _DOT, top + number // row * _DOT
        tip = escape(f"{person.holder} {person.title or ''}")
        yield (
            f'<circle cx="{x:.1f}" cy="{line:.1f}" r="4" '
            f'fill="{_colour(person.prefecture)}"><title>{tip}</title></circle>'
        )


def _instant(moment: datetime | None) -> datetime:
    assert moment is not None
    return moment


def _life(entry: Entry) -> str:
    begins, ends = (
        _instant(moment).astimezone(JST) for moment in (entry.begins, entry.ends)
    )
    return f"{begins:%Y-%m-%d} – {ends:%Y-%m-%d}"
