"""What shows on the page of a signature: lines of text in a box.

The text is for people and proves nothing; a verdict never looks at it. It is set in a
Japanese font that viewers bring (ISO 32000-2 9.7.5.2: the character collection
Adobe-Japan1 by the predefined CMap UniJIS-UTF16-H), so that no font has to be put in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name

__all__ = ["Appearance", "appearance_of"]

_FONT: Final = "HeiseiKakuGo-W5"
_MARGIN: Final = 2
_LEADING: Final = 1.3
"""Times the size of the letters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Appearance:
    """Where and what."""

    box: tuple[int, int, int, int]
    """Left, bottom, right, top, in points from the page's lower left corner."""
    lines: tuple[str, ...]
    page: int = 0
    """-1 is the last."""
    size: int = 9
    """Of the letters, in points."""


def appearance_of(appearance: Appearance) -> generic.StreamObject:
    """A form XObject (8.10) that draws it."""
    left, bottom, right, top = appearance.box
    leading = round(appearance.size * _LEADING, 2)
    drawn = [b"q BT /F1 %d Tf %g TL" % (appearance.size, leading)]
    drawn.append(b"%d %g Td" % (_MARGIN, top - bottom - leading))
    for line in appearance.lines:
        drawn.append(b"<%s> Tj T*" % line.encode("utf-16-be").hex().encode("ascii"))
    drawn.append(b"ET Q")
    resources = _dictionary(Font=_dictionary(F1=_font()))
    box = [generic.NumberObject(n) for n in (0, 0, right - left, top - bottom)]
    form = generic.StreamObject(stream_data=b"\n".join(drawn))
    form.update(
        _dictionary(
            Type=pdf_name("/XObject"),
            Subtype=pdf_name("/Form"),
            BBox=generic.ArrayObject(box),
            Resources=resources,
        )
    )
    return form


def _font() -> generic.DictionaryObject:
    box = [generic.NumberObject(n) for n in (-92, -250, 1010, 922)]
    descriptor = _dictionary(
        Type=pdf_name("/FontDescriptor"),
        FontName=pdf_name(f"/{_FONT}"),
        Flags=generic.NumberObject(4),
        FontBBox=generic.ArrayObject(box),
        ItalicAngle=generic.NumberObject(0),
        Ascent=generic.NumberObject(752),
        Descent=generic.NumberObject(-221),
        CapHeight=generic.NumberObject(737),
        StemV=generic.NumberObject(114),
    )
    collection = _dictionary(
        Registry=generic.pdf_string("Adobe"),
        Ordering=generic.pdf_string("Japan1"),
        Supplement=generic.NumberObject(5),
    )
    characters = _dictionary(
        Type=pdf_name("/Font"),
        Subtype=pdf_name("/CIDFontType0"),
        BaseFont=pdf_name(f"/{_FONT}"),
        CIDSystemInfo=collection,
        FontDescriptor=descriptor,
    )
    return _dictionary(
        Type=pdf_name("/Font"),
        Subtype=pdf_name("/Type0"),
        BaseFont=pdf_name(f"/{_FONT}"),
        Encoding=pdf_name("/UniJIS-UTF16-H"),
        DescendantFonts=generic.ArrayObject([characters]),
    )


def _dictionary(**entries: generic.PdfObject) -> generic.DictionaryObject:
    return generic.DictionaryObject(
        {pdf_name(f"/{key}"): value for key, value in entries.items()}
    )
