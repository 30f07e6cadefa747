"""A deployer's own files: read by the same readers, refused with file, key and line."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from jpki import data
from jpki.data.files import FOLDER
from jpki.data.places import read_municipalities, read_prefectures
from jpki.errors import ProfileError

_SIGNATURE = (FOLDER / "certificate_profiles/signature.toml").read_text("utf-8")
_CRL = (FOLDER / "crl_profiles/crl.toml").read_text("utf-8")
_ERA = (FOLDER / "era_files/jlis.toml").read_text("utf-8")
_TOPOLOGY = (FOLDER / "topology.toml").read_text("utf-8")


def _write(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_copy_of_a_packaged_profile_is_the_same_profile(tmp_path: Path) -> None:
    """A deployer can begin from a packaged file."""
    own = data.load_profile_file(_write(tmp_path, _SIGNATURE))
    assert data.certificate_profile("signature") == own
    assert data.crl_profile("crl") == data.load_crl_profile_file(_write(tmp_path, _CRL))
    assert data.era("jlis") == data.load_era_file(_write(tmp_path, _ERA))
    assert data.topology() == data.load_topology_file(_write(tmp_path, _TOPOLOGY))


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ("years = 3", "yeers = 3", "yeers", "unknown key"),
        ("usages =", "usage =", "usages", "missing"),
        ("[validity]", "colour = 1\n[validity]", "colour", "unknown key"),
        ('kind = "key-usage"', 'kind = "key-use"', "kind", "not one of"),
        ("order = [1, 4,", "order = [1, 1,", "order", "once"),
        ('"nonRepudiation"', '"digitalSignature"', "usages", "twice"),
        ("{opaque}", "{opague}", "value", "unknown placeholder"),
        ("1.2.392.200149.8.5.1.0.20", "1.2.392.x", "oid", "identifier"),
        ("critical = true", 'critical = "yes"', "critical", "true or false"),
        ("years = 3", "years = -3", "years", "negative"),
        ("years = 3", "years = 0", "years", "between"),
        (
            'kind = "subject-key-identifier"',
            'kind = "key-usage"\nusages = ["cRLSign"]',
            "kind",
            "already",
        ),
        ("full = false", "full = 0", "full", "true or false"),
        ('ocsp = "{ocsp_url}"', 'ocsp = ""', "ocsp", "empty"),
        (
            'kind = "crl-distribution-points"',
            'kind = "crl-distribution-points"\nuri = "{url}"',
            "uri",
            "unknown placeholder",
        ),
        ('id = "signature"', "id = 5", "id", "a string"),
        ('string = "printable"', 'string = "teletex"', "string", "not one of"),
    ],
)
def test_a_bad_profile_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, key: str, reason: str
) -> None:
    """The error names the file, the key, its line, and what is wrong."""
    assert old in _SIGNATURE
    path = _write(tmp_path, _SIGNATURE.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        data.load_profile_file(path)
    assert str(path) == caught.value.file
    assert key in caught.value.key.split(" ")[0].split(".")
    assert reason in caught.value.reason
    line = re.search(r"line (\d+)", caught.value.key)
    if line is not None:
        assert key in path.read_text("utf-8").splitlines()[int(line[1]) - 1]
    else:
        assert "missing" in caught.value.reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("birthdays = 5", "birthdays = 5\nyears = 1", "counted alone"),
        ("birthdays = 5", "birthdays = 5\nend_of_day_jst = false", "counted alone"),
        ("birthdays = 5", "years = 5", "unknown key"),
        ("on_renewal = 6", "on_renewal = 4", "less than without"),
        ("on_renewal = 6", "on_renewal = 600", "between"),
        ('"02-28"', '"02-30"', "not one of"),
    ],
)
def test_a_bad_count_of_birthdays_is_refused(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    """Birthdays go with no other length, and a renewal shortens nothing."""
    text = (FOLDER / "certificate_profiles/authentication.toml").read_text("utf-8")
    assert old in text
    with pytest.raises(ProfileError, match=reason):
        data.load_profile_file(_write(tmp_path, text.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("lifetime_minutes = 2880", "lifetime_minutes = 60", "longer"),
        ("period_minutes = 1440", "period_minutes = 1.5", "whole number"),
        ('kind = "crl-number"', 'kind = "delta"', "not one of"),
        (
            'kind = "crl-number"',
            'kind = "issuing-distribution-point"\nscope = "all"',
            "scope must say",
        ),
    ],
)
def test_a_bad_crl_profile_is_refused(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    """Lists must live longer than the time between two, and say what they are about."""
    with pytest.raises(ProfileError, match=reason):
        data.load_crl_profile_file(_write(tmp_path, _CRL.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"rsa2048-sha256"', '"rsa2048-md5"', "not one of"),
        ("begins = 2015-10-20", 'begins = "2015"', "a date"),
        ("begins = 2015-10-20", "begins = 2015-10-20T00:00:00Z", "without time"),
        ("[suites]", "[suits]", "missing"),
        ('serials = "modern"', 'serials = "dates"', "not one of"),
        ("[2015-10-20T02:40:28Z, ", "[2030-10-20T02:40:28Z, ", "order of time"),
        ("[2015-10-20T02:40:28Z, ", "[2015-10-20T02:40:28, ", "offset from UTC"),
    ],
)
def test_a_bad_era_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    """Suites must be known, days must be days."""
    with pytest.raises(ProfileError, match=reason):
        data.load_era_file(_write(tmp_path, _ERA.replace(old, new, 1)))


@pytest.mark.parametrize("text", ["id = ", "\x00", "id = 'a'\nid = 'b'"])
def test_what_is_not_toml_is_refused(tmp_path: Path, text: str) -> None:
    """Broken files are errors of the same kind."""
    with pytest.raises(ProfileError, match="not TOML"):
        data.load_profile_file(_write(tmp_path, text))


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    """Also what cannot be read at all."""
    with pytest.raises(ProfileError, match="cannot be read"):
        data.load_profile_file(tmp_path / "absent.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ProfileError, match="cannot be read"):
        data.load_profile_file(binary)


@pytest.mark.parametrize(
    "row",
    [
        "132218,清瀬市,Kiyose-shi",
        "992211,清瀬市,Kiyose-shi",
        "132217,清瀬市",
        "132217,清瀬市,清瀬市",
        "132217,,Kiyose-shi",
        "132217,清瀬市,Kiyose-shi\n132217,清瀬市,Kiyose-shi",
    ],
)
def test_a_bad_municipality_is_refused(tmp_path: Path, row: str) -> None:
    """Check digit, prefecture, columns, script, and no code twice."""
    path = tmp_path / "own.csv"
    path.write_text(f"code,name,romaji\n{row}\n", encoding="utf-8")
    with pytest.raises(ProfileError):
        read_municipalities(path, data.prefectures())


def test_a_bad_list_of_prefectures_is_refused(tmp_path: Path) -> None:
    """The header must be there, and codes have two digits."""
    path = tmp_path / "own.csv"
    for text in ("13,東京都,Tokyo-to\n", "code,name,romaji\n131,東京都,Tokyo-to\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ProfileError):
            read_prefectures(path)


def test_own_profiles_stand_before_packaged_ones(tmp_path: Path) -> None:
    """By identifier; all others are the packaged ones."""
    certificates, lists = tmp_path / "certificate_profiles", tmp_path / "crl_profiles"
    certificates.mkdir()
    lists.mkdir()
    _write(certificates, _SIGNATURE.replace("years = 3", "years = 2"))
    _write(lists, _CRL.replace("= 1440", "= 60"))
    own = data.load_profile_directory(tmp_path)
    assert own.certificate_profile("signature").validity.years == 2
    assert own.certificate_profile("responder") == data.certificate_profile("responder")
    assert own.crl_profile("crl").period == timedelta(hours=1)
    assert own.crl_profile("arl") == data.crl_profile("arl")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "there are no profiles"),
        ({"a": _SIGNATURE.replace('id = "signature"', 'id = "sig"')}, "not one of"),
        ({"a": _SIGNATURE, "b": _SIGNATURE}, "another file has it too"),
    ],
)
def test_own_profiles_that_mean_nothing_are_refused(
    tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    """No profile is silently of no use."""
    (tmp_path / "certificate_profiles").mkdir()
    for name, text in files.items():
        path = tmp_path / "certificate_profiles" / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=reason):
        data.load_profile_directory(tmp_path)
