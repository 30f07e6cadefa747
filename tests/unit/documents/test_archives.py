"""ZIP archives from strangers: bounded, and no name leads anywhere or stands twice."""

from __future__ import annotations

import io
import stat
import struct
import subprocess
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jpki.documents.archives import packed, require_safe_names, unpacked
from jpki.errors import DocumentError
from tests.support.xml_documents import FILES


def _zip(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, octets in entries:
            archive.writestr(name, octets)
    return made.getvalue()


def test_what_was_packed_comes_out() -> None:
    """In any folder, with Japanese names; and the same files give the same octets."""
    files = {**FILES, "添付/地図　1.png": b"\x89PNG", "空": b""}
    assert unpacked(packed(files)) == files
    assert packed(files) == packed(dict(files))
    assert unpacked(_zip(("folder/", b""), ("folder/a", b"1"))) == {"folder/a": b"1"}


def test_names_of_japanese_windows() -> None:
    """What is not marked as UTF-8 is read as its ZIP programs write it."""
    name = "委任状表.pdf"
    raw = name.encode("cp932")
    stand_in = b"x" * len(raw)
    made = _zip((stand_in.decode(), b"1"))
    assert made.count(stand_in) == 2
    assert unpacked(made.replace(stand_in, raw)) == {name: b"1"}
    with pytest.raises(DocumentError, match="no ZIP archive"):
        unpacked(made.replace(stand_in, b"\x85\x20" + stand_in[2:]))


@pytest.mark.parametrize(
    "name",
    [
        "../form.xml",
        "a/../../form.xml",
        "/etc/passwd",
        "a//b",
        "./form.xml",
        "a\\b",
        "..\\form.xml",
        "form\x1b[2J.xml",
        "form\u202egpj.xml",
        "form\u2028.xml",
        "x" * 1025,
    ],
)
def test_names_that_lead_elsewhere(name: str) -> None:
    """Above, from the root, by another separator; or that play with who reads them."""
    with pytest.raises(DocumentError, match="of the name"):
        unpacked(_zip((name, b"1")))
    with pytest.raises(DocumentError, match="of the name"):
        require_safe_names([name])


def test_a_name_cut_off_by_zero() -> None:
    """Some read it to its end, others to the zero."""
    made = _zip(("form.xml#.exe", b"1")).replace(b"form.xml#.exe", b"form.xml\0.exe")
    with pytest.raises(DocumentError, match="two names"):
        unpacked(made)


@pytest.mark.parametrize("other", ["form.xml", "FORM.xml"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_stand_there_twice(other: str) -> None:
    """One of both is verified, and who unpacks it sees the other."""
    with pytest.raises(DocumentError, match="twice"):
        unpacked(_zip(("form.xml", b"good"), (other, b"bad")))


def test_names_that_are_one_on_another_system() -> None:
    """が is one character, or two."""
    with pytest.raises(DocumentError, match="twice"):
        unpacked(_zip(("\u304c.xml", b"1"), ("\u304b\u3099.xml", b"2")))


def test_links_devices_and_encrypted_entries() -> None:
    """Nothing but plain files is taken."""
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        entry = zipfile.ZipInfo("form.xml")
        entry.create_system = 3
        entry.external_attr = (kind | 0o777) << 16
        with pytest.raises(DocumentError, match="link"):
            unpacked(_zip((entry, b"/etc/passwd")))
    made = bytearray(_zip(("form.xml", b"1")))
    made[made.index(b"PK\x01\x02") + 8] |= 1
    made[6] |= 1
    with pytest.raises(DocumentError, match="encrypted"):
        unpacked(bytes(made))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(DocumentError, match="unknown way"):
            unpacked(_zip(("form.xml", b"1"), method=method))


def test_bombs_are_refused_before_they_go_off() -> None:
    """By what they say; and who says less than there is, is found out."""
    bomb = _zip(("form.xml", b"\0" * (129 << 20)))
    assert len(bomb) < 1 << 20
    began = time.perf_counter()
    with pytest.raises(DocumentError, match="octets"):
        unpacked(bomb)
    assert time.perf_counter() - began < 1
    liar = bytearray(_zip(("form.xml", b"\0" * (1 << 20))))
    for start in (liar.index(b"PK\x01\x02") + 24, 22):
        liar[start : start + 4] = (10).to_bytes(4, "little")
    with pytest.raises(DocumentError, match="no ZIP archive"):
        unpacked(bytes(liar))
    many = _zip(*((f"{number}", b"") for number in range(1025)), method=0)
    with pytest.raises(DocumentError, match="more than 1024 files"):
        unpacked(many)


def _unseekable(files: Mapping[str, bytes]) -> bytes:
    """As programs do that cannot go back: sizes stand behind the data."""

    class Pipe(io.RawIOBase):
        made = b""

        def writable(self) -> bool:
            return True

        def write(self, octets: Any) -> int:
            self.made += bytes(octets)
            return len(octets)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in files.items():
            archive.writestr(name, octets)
    return pipe.made


def test_an_archive_from_a_pipe() -> None:
    """Is read like any other."""
    made = _unseekable(FILES)
    assert made[6] & 8
    assert unpacked(made) == FILES


_ONE: Final = packed({"form.xml": b"good"})
_HIDDEN: Final = packed({"form.xml": b"evil"})
_LOCAL: Final = _HIDDEN[: _HIDDEN.index(b"PK\x01\x02")]


def _moved(archive: bytes, by: int) -> bytes:
    """Its directory says that the entries begin so much later."""
    made, at = bytearray(archive), archive.index(b"PK\x01\x02")
    made[at + 42 : at + 46] = by.to_bytes(4, "little")
    end = archive.index(b"PK\x05\x06")
    made[end + 16 : end + 20] = (at + by).to_bytes(4, "little")
    return bytes(made)


@pytest.mark.parametrize(
    "forged",
    [
        # An entry that is not in the directory, before and behind the one that is.
        _LOCAL + _moved(_ONE, len(_LOCAL)),
        _LOCAL + _ONE,
        _moved(_ONE, 0).replace(b"PK\x01\x02", _LOCAL + b"PK\x01\x02", 1),
        # Another directory behind the first.
        _HIDDEN + _ONE,
        _ONE + b"more",
        _ONE[:-2] + b"\x04\0more",
    ],
    ids=["before", "before, unsaid", "behind", "twice", "at the end", "a comment"],
)
def test_archives_that_can_be_read_in_two_ways(forged: bytes) -> None:
    """From the front another file comes out than by the directory."""
    assert forged.startswith(b"PK\x03\x04")
    with pytest.raises(DocumentError, match=r"something|no ZIP archive"):
        unpacked(forged)


def _with_extra(name: bytes, *, local: bool, central: bool) -> bytes:
    """An entry with a Unicode Path field, in either place."""
    field = struct.pack("<HHBI", 0x7075, 5 + len(name), 1, 0) + name
    made = bytearray(_ONE)
    at = made.index(b"PK\x01\x02")
    if central:
        made[at + 30 : at + 32] = len(field).to_bytes(2, "little")
        made[at + 46 + 8 : at + 46 + 8] = field
        end = made.index(b"PK\x05\x06")
        size = int.from_bytes(made[end + 12 : end + 16], "little") + len(field)
        made[end + 12 : end + 16] = size.to_bytes(4, "little")
    if local:
        made[28:30] = len(field).to_bytes(2, "little")
        made[38:38] = field
        end = made.index(b"PK\x05\x06")
        made[end + 16 : end + 20] = (at + len(field)).to_bytes(4, "little")
    return bytes(made)


@pytest.mark.parametrize(("local", "central"), [(True, False), (False, True)])
def test_a_file_of_two_names(local: bool, central: bool) -> None:
    """A second name in Unicode is the first one, or the file is refused."""
    good = _with_extra(b"form.xml", local=local, central=central)
    assert unpacked(good) == {"form.xml": b"good"}
    with pytest.raises(DocumentError, match="two names"):
        unpacked(_with_extra(b"evil.xml", local=local, central=central))


@pytest.mark.parametrize("at", [6, 8, 14, 18, 22])
def test_a_file_that_is_told_of_in_two_ways(at: int) -> None:
    """In front and in the directory the same is said of it: flags, method, checksum,
    both sizes."""
    made = bytearray(_ONE)
    made[at] ^= 1
    with pytest.raises(DocumentError, match="in two ways"):
        unpacked(bytes(made))


@pytest.mark.needs("java")
def test_java_packs_what_we_read(tmp_path: Path) -> None:
    """The archives of `jar`, which writes sizes behind the data."""
    for name, octets in FILES.items():
        (tmp_path / name).write_bytes(octets)
    command = ["jar", "--create", "--no-manifest", "--file", "made.zip", *FILES]
    subprocess.run(
        ["env", "LC_ALL=C.UTF-8", *command], cwd=tmp_path, check=True, timeout=60
    )
    assert unpacked((tmp_path / "made.zip").read_bytes()) == FILES


def test_what_is_no_archive() -> None:
    """Nothing, half of one, something else."""
    whole = packed(FILES)
    for octets in (b"", b"PK\x03\x04", whole[:-9], whole[:40], b"%PDF-1.7"):
        with pytest.raises(DocumentError, match="no ZIP archive"):
            unpacked(octets)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_archives(data: st.DataObject) -> None:
    """Any octet may be another: the same files come out, or our error."""
    whole = bytearray(packed(FILES))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    try:
        found = unpacked(bytes(whole))
    except DocumentError:
        return
    assert set(found.values()) <= set(FILES.values())
