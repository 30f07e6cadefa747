"""Conditions and ranges of RFC 9110, and octets that are read without being copied."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.service.ranges import MAX_RANGES, Span, spans_of
from jpki.service.representations import Chosen, Representation, SharedOctets, choose

MADE = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
ON_TIME, BEFORE = "Tue, 24 Nov 2026 03:00:00 GMT", "Tue, 24 Nov 2026 02:59:59 GMT"
OCTETS = bytes(range(100))
LIST = Representation(
    octets=OCTETS, media_type="application/pkix-crl", tag="a1", modified=MADE
)


def asked(
    fields: Mapping[str, str], method: str = "GET", selected: Representation = LIST
) -> Chosen:
    """What such a request is answered."""
    return choose(selected, fields, method=method)


def body(chosen: Chosen) -> bytes:
    """All its octets."""
    return b"" if chosen.body is None else b"".join(chosen.body)


@pytest.mark.parametrize(
    ("field", "spans"),
    [
        ("bytes=0-0", ((0, 1),)),
        ("bytes=0-", ((0, 100),)),
        ("BYTES=90-", ((90, 100),)),
        ("bytes=-10", ((90, 100),)),
        ("bytes=-1000", ((0, 100),)),
        ("bytes=95-9999999999999999999999999", ((95, 100),)),
        ("bytes= 1-2 ,, 5-6", ((1, 3), (5, 7))),
        ("bytes=50-59,0-9", ((50, 60), (0, 10))),
        ("bytes=50-59,0-9,55-70", ((0, 10), (50, 71))),
        ("bytes=0-9,10-19", ((0, 20),)),
        ("bytes=0-0,200-", ((0, 1),)),
        ("bytes=100-", ()),
        ("bytes=-0", ()),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5-1", None),
        ("bytes=a-b", None),
        ("bytes=1-2,x", None),
        ("bytes=٣-", None),
        ("lines=1-2", None),
        ("x", None),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 80, 2)), None),
    ],
)
def test_ranges(field: str, spans: tuple[tuple[int, int], ...] | None) -> None:
    """As RFC 9110 section 14.1.2 reads them; what is odd is ignored."""
    assert spans_of(field, 100) == spans


@given(
    field=st.lists(
        st.tuples(st.integers(0, 120), st.integers(0, 120)), min_size=1, max_size=8
    )
)
def test_ranges_together_are_no_longer_than_the_whole(
    field: list[tuple[int, int]],
) -> None:
    """However they overlap: nobody has a server send the same octet twice."""
    text = "bytes=" + ",".join(f"{min(pair)}-{max(pair)}" for pair in field)
    spans = spans_of(text, 100)
    assert spans is not None
    wanted = {
        octet for pair in field for octet in range(min(pair), max(pair) + 1)
    } & set(range(100))
    sent = [octet for span in spans for octet in range(*span)]
    assert len(sent) == len(set(sent))
    assert set(sent) == wanted
    assert len(spans) <= MAX_RANGES


@given(text=st.text(max_size=40))
def test_nothing_in_a_range_is_an_error(text: str) -> None:
    """Whatever a client writes."""
    for field in (text, f"bytes={text}"):
        for span in spans_of(field, 100) or ():
            assert span == Span(*span)
            assert 0 <= span.start < span.stop <= 100


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"If-None-Match": '"a1"'}, 304),
        ({"If-None-Match": 'W/"a1"'}, 304),
        ({"If-None-Match": '"x" , "a1"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"a2"'}, 200),
        ({"If-None-Match": "a1"}, 200),
        ({"If-None-Match": ""}, 200),
        ({"If-Modified-Since": ON_TIME}, 304),
        ({"If-Modified-Since": BEFORE}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Modified-Since": ON_TIME, "If-None-Match": '"a2"'}, 200),
        ({"If-Match": '"a1"'}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": 'W/"a1"'}, 412),
        ({"If-Match": "*"}, 200),
        ({"If-Unmodified-Since": ON_TIME}, 200),
        ({"If-Unmodified-Since": BEFORE}, 412),
        ({"If-Match": '"a1"', "If-Unmodified-Since": BEFORE}, 200),
        ({"If-Match": '"a1"', "If-None-Match": '"a1"'}, 304),
        ({"Range": "bytes=0-9"}, 206),
        ({"Range": "bytes=0-9", "If-None-Match": '"a1"'}, 304),
        ({"Range": "bytes=100-"}, 416),
        ({"Range": "bytes=100-", "If-Range": '"x"'}, 200),
        ({"Range": "bytes=0-9", "If-Range": '"a1"'}, 206),
        ({"Range": "bytes=0-9", "If-Range": 'W/"a1"'}, 200),
        ({"Range": "bytes=0-9", "If-Range": ON_TIME}, 200),
    ],
)
def test_conditions(fields: Mapping[str, str], status: int) -> None:
    """In the order of RFC 9110 section 13.2.2, strong and weak comparison apart."""
    chosen = asked(fields)
    assert chosen.status == status
    names = {name for name, _ in chosen.fields}
    assert ("ETag" in names) == (status in (200, 206, 304))
    assert body(chosen) == {200: OCTETS, 206: OCTETS[:10]}.get(status, b"")


def test_what_shares_its_second_is_known_by_its_tag_alone() -> None:
    """A date would say that nothing has changed where something has."""
    one = Representation(octets=OCTETS, media_type="a/b", tag="a1", modified=None)
    chosen = asked({"If-Modified-Since": ON_TIME}, selected=one)
    assert chosen.status is HTTPStatus.OK
    assert "Last-Modified" not in dict(chosen.fields)


def test_a_range_is_for_get() -> None:
    """HEAD tells of the whole."""
    assert asked({"Range": "bytes=0-9"}, "HEAD").status is HTTPStatus.OK


@given(
    pieces=st.lists(st.binary(max_size=20), max_size=6),
    reads=st.lists(st.integers(1, 30), max_size=40),
)
def test_octets_in_pieces_are_read_in_order(
    pieces: list[bytes], reads: list[int]
) -> None:
    """As a server does: look, go back, read as much as was taken."""
    whole = b"".join(pieces)
    file = SharedOctets(*pieces)
    assert len(file) == len(whole)
    assert file.seek(0, 2) == len(whole)
    file.seek(0)
    found = b""
    for count in reads:
        ahead = bytes(file.read(count))
        file.seek(-len(ahead), 1)
        found += bytes(file.read(count))
        assert file.tell() == len(found)
    assert whole.startswith(found)
    rest = b"".join(bytes(part) for part in iter(file.read, memoryview(b"")))
    assert found + rest == whole


def test_reading_copies_nothing() -> None:
    """Two hundred clients share one list in memory."""
    octets = bytearray(b"abc")
    view = SharedOctets(memoryview(octets)).read()
    octets[0] = ord("x")
    assert bytes(view) == b"xbc"
