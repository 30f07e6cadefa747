"""Heads of nested layers, by the size of the content and by that of it all."""

from __future__ import annotations

import pytest

from jpki.der.frames import Frame
from jpki.der.quick import Unusual, open_frame
from jpki.der.writer import tlv

_FRAMES = (
    Frame((0x04, b"")),
    Frame((0x30, b"\x05\x00"), (0xA0, b""), (0x30, b"")),
)
_SIZES = (*range(300), *range(65_500, 65_600))


@pytest.mark.parametrize("frame", _FRAMES)
def test_the_head_around_a_content_is_found_by_either_size(frame: Frame) -> None:
    """A size of all that no content comes to has no head."""
    heads = {len(frame.head(size)) + size: frame.head(size) for size in _SIZES}
    for whole in range(300):
        assert frame.around(whole) == heads.get(whole)
    for whole, head in heads.items():
        assert frame.around(whole) == head
    assert frame.around(-1) is None


def test_a_frame_is_opened_only_where_all_layers_end_together() -> None:
    """Another head, or anything behind a layer, is unusual."""
    content = bytes(200)
    inner = tlv(0xA0, tlv(0x30, content))
    whole = tlv(0x30, b"\x05\x00" + inner)
    data = b"before" + whole + b"after"
    at = open_frame(data, 6, 6 + len(whole), _FRAMES[1])
    assert data[at : 6 + len(whole)] == content
    trailing = (
        tlv(0x30, b"\x05\x00" + inner + b"\x05\x00"),
        tlv(0x30, b"\x05\x00" + tlv(0xA0, tlv(0x30, content) + b"\x05\x00")),
        tlv(0x30, b"\x05\x01" + inner),
        whole[:-1],
        b"",
    )
    for data in trailing:
        with pytest.raises(Unusual):
            open_frame(data, 0, len(data), _FRAMES[1])
    with pytest.raises(Unusual):
        open_frame(whole, 9, 8, _FRAMES[0])
