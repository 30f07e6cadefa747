"""The shelf: what is taken from it is what was laid there, or it is not taken."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jpki.errors import ConfigurationError, EncodingError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify.crls import RevocationList
from jpki.verify.shelf import Shelf
from jpki.x509.certificate_lists import CertificateList
from jpki.x509.parse import parse_crl
from jpki.x509.revoked_index import LONG
from jpki.x509.signatures import verify_signature
from tests.support.reference_pki import ReferencePKI, reference_pki

AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
NAME = "http://crl.test/a.crl"


@pytest.fixture(scope="module")
def pki() -> ReferencePKI:
    """The prefectural PKI."""
    return reference_pki("prefectural-sha256")


def _crl(pki: ReferencePKI, count: int) -> bytes:
    rng = random.Random(count)
    serials = {
        rng.getrandbits(rng.choice((9, 63, 64, 70))) * 2 + 1 for _ in range(count)
    }
    return pki.crl(
        pki.a,
        *(
            Revocation(serial=serial, at=pki.at, reason=RevocationReason.SUPERSEDED)
            for serial in sorted(serials)
        ),
    )


def _file(shelf: Path) -> Path:
    (path,) = shelf.glob("*.crl")
    return path


def _taken(folder: Path) -> CertificateList:
    found = Shelf(folder).find_list(NAME)
    assert found is not None
    return found.crl


@pytest.mark.parametrize("count", [0, 1, 2, 99, LONG + 900])
def test_a_list_from_the_shelf_is_the_list(
    tmp_path: Path, pki: ReferencePKI, count: int
) -> None:
    """Every question has the same answer as with the list in memory."""
    octets = _crl(pki, count)
    parsed = parse_crl(octets)
    shelf = Shelf(tmp_path / "shelf")
    shelf.put_list(NAME, octets, '"tag"', AT)
    found = shelf.find_list(NAME)
    assert found is not None
    assert (found.tag, found.asked_at) == ('"tag"', AT)
    taken = found.crl
    assert bytes(taken.raw) == octets
    assert bytes(taken.tbs) == parsed.tbs
    assert taken.fingerprint == parsed.fingerprint
    assert (taken.number, taken.this_update) == (parsed.number, parsed.this_update)
    assert len(taken) == len(parsed)
    entries = list(parsed.entries())
    assert list(taken.entries()) == entries
    for entry in entries:
        assert taken.find(entry.serial) == parsed.find(entry.serial) == entry
        if parsed.find(entry.serial + 1) is None:
            assert taken.find(entry.serial + 1) is None
    assert RevocationList(taken).problem is RevocationList(parsed).problem is None
    for _ in range(2):
        assert verify_signature(
            pki.a.parsed.public_key,
            taken.signature_algorithm,
            taken.signature,
            taken.tbs,
        )
        taken.rest()


def test_marks_are_counted_across_pieces(pki: ReferencePKI) -> None:
    """In pieces or at once."""
    crl = parse_crl(_crl(pki, 60_000))
    assert len(crl.raw) > 1 << 20
    tbs = bytes(crl.tbs)
    for marker in (b"\x18\x0f2", b"\x30", tbs[(1 << 20) - 1 : (1 << 20) + 2]):
        counted = crl.occurrences(marker)
        starts = sum(tbs.startswith(marker, at) for at in range(len(tbs)))
        assert counted == starts


def test_any_octet_altered_or_cut_is_noticed(
    tmp_path: Path, pki: ReferencePKI, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not taken, and is gone, so that it is fetched anew."""
    folder = tmp_path / "shelf"
    shelf = Shelf(folder)
    shelf.put_list(NAME, _crl(pki, 300), "", AT)
    path = _file(folder)
    whole = path.read_bytes()
    rng = random.Random(7)
    padding = -len(_crl(pki, 300)) % 8
    for at in [*rng.sample(range(len(whole)), 150), 0, len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        found = Shelf(folder).find_list(NAME)
        in_padding = len(_crl(pki, 300)) <= at < len(_crl(pki, 300)) + padding
        assert (found is None) or in_padding
        assert path.exists() is in_padding
    for length in (*rng.sample(range(len(whole)), 50), 0, 1, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert Shelf(folder).find_list(NAME) is None
        assert not path.exists()
    assert "not what was put there" in caplog.text
    path.write_bytes(whole)
    _taken(folder)


def test_sums_that_lie_about_sizes(tmp_path: Path, pki: ReferencePKI) -> None:
    """A foot whose numbers do not fit the file."""
    folder = tmp_path / "shelf"
    Shelf(folder).put_list(NAME, _crl(pki, 5), "", AT)
    whole = _file(folder).read_bytes()
    foot = struct.Struct("<8sQQQ32s")
    fields = foot.unpack(whole[-foot.size :])
    for place in (1, 2, 3):
        for value in (0, 1 << 40, (1 << 64) - 1):
            changed = list(fields)
            changed[place] = value
            file = Shelf(folder)._path(NAME, "crl")
            file.write_bytes(whole[: -foot.size] + foot.pack(*changed))
            assert Shelf(folder).find_list(NAME) is None


def test_what_is_no_list_is_not_laid_down(tmp_path: Path) -> None:
    """Nor does it harm what lies there."""
    shelf = Shelf(tmp_path / "shelf")
    with pytest.raises(EncodingError):
        shelf.put_list(NAME, b"junk", "", AT)
    assert shelf.find_list(NAME) is None
    assert list((tmp_path / "shelf").iterdir()) == []


def test_a_newer_list_takes_its_place(tmp_path: Path, pki: ReferencePKI) -> None:
    """For other processes, too; who has the old one open may go on with it."""
    one, other = Shelf(tmp_path / "shelf"), Shelf(tmp_path / "shelf")
    one.put_list(NAME, _crl(pki, 3), "1", AT)
    first = other.find_list(NAME)
    assert first is not None
    again = other.find_list(NAME)
    assert again is not None
    assert again.crl is first.crl
    one.put_list(NAME, _crl(pki, 4), "2", AT + timedelta(hours=1))
    second = other.find_list(NAME)
    assert second is not None
    assert (len(second.crl), second.tag) == (4, "2")
    assert len(list(first.crl.entries())) == 3
    one.confirm(NAME, AT + timedelta(hours=2))
    third = other.find_list(NAME)
    assert third is not None
    assert third.crl is second.crl
    assert third.asked_at == AT + timedelta(hours=2)


def test_small_things(tmp_path: Path) -> None:
    """By name; altered ones are gone."""
    folder = tmp_path / "shelf"
    shelf = Shelf(folder)
    assert shelf.find("x") is None
    shelf.put("x", b"a\nb", AT, kind="text")
    found = shelf.find("x")
    assert found is not None
    assert (found.octets, found.notes["kind"], found.asked_at) == (b"a\nb", "text", AT)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    for damaged in (
        whole[:-1],
        whole + b"x",
        b"",
        b"{}\n",
        b"[]\n",
        b"[" * 9999,
        b"\xff",
    ):
        path.write_bytes(damaged)
        assert shelf.find("x") is None
        assert not path.exists()


def test_the_oldest_make_room(tmp_path: Path) -> None:
    """But never what has just come."""
    shelf = Shelf(tmp_path / "shelf", room=5000)
    for number in range(6):
        shelf.put(str(number), bytes(1000), AT + timedelta(minutes=number))
    there = [number for number in range(6) if shelf.find(str(number)) is not None]
    assert there == [2, 3, 4, 5]
    shelf.put("large", bytes(9000), AT)
    assert shelf.find("large") is not None


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    """A file in its place, and a folder that cannot be made, too."""
    folder = tmp_path / "shelf"
    assert Shelf(folder) is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o770)
    with pytest.raises(ConfigurationError, match="others may write"):
        Shelf(folder)
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "below"):
        with pytest.raises(ConfigurationError):
            Shelf(path)


def test_a_disk_that_cannot_keep_it_is_no_failure(
    tmp_path: Path, pki: ReferencePKI, caplog: pytest.LogCaptureFixture
) -> None:
    """What was laid there before stays; nothing half written does."""
    folder = tmp_path / "shelf"
    script = (
        "import resource, signal, sys\n"
        "from datetime import datetime, UTC\n"
        "from pathlib import Path\n"
        "from jpki.verify.shelf import Shelf\n"
        "shelf = Shelf(Path(sys.argv[1]))\n"
        "at = datetime(2026, 4, 1, tzinfo=UTC)\n"
        "shelf.put('x', b'first', at)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "shelf.put('x', bytes(100_000), at)\n"
        "print(len(shelf.find('x').octets))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout == "5\n"
    assert "not kept" in told.stderr
    assert len(list(folder.iterdir())) == 1
    if os.getuid():
        folder.chmod(0o500)
        Shelf(folder).put_list(NAME, _crl(pki, 1), "", AT)
        assert "not kept" in caplog.text


def test_many_writers_and_readers(tmp_path: Path, pki: ReferencePKI) -> None:
    """Whoever reads finds one of the lists, whole."""
    folder = tmp_path / "shelf"
    lists = [_crl(pki, count) for count in (10, 20, 30)]
    Shelf(folder).put_list(NAME, lists[0], "", AT)

    def write(number: int) -> None:
        shelf = Shelf(folder)
        for turn in range(20):
            shelf.put_list(NAME, lists[(number + turn) % 3], "", AT)

    def read(_: int) -> None:
        shelf = Shelf(folder)
        for _turn in range(100):
            found = shelf.find_list(NAME)
            assert found is not None
            assert len(found.crl) in (10, 20, 30)
            assert bytes(found.crl.raw) in lists

    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(write, n) for n in range(3)]
        work += [pool.submit(read, n) for n in range(3)]
        for each in work:
            each.result()
