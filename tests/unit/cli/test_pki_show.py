"""`jpki pki show`: tree, picture, and folders that are none."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from jpki.cli.pki.manifest import FILE_NAME
from jpki.cli.pki.picture import picture
from tests.support.built_pki import built, run

SVG = "{http://www.w3.org/2000/svg}"


def test_the_tree_names_everybody() -> None:
    """Bridge, governors and test persons, in their order."""
    folder, _ = built("prefectural-sha256")
    result = run("show", str(folder))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        "prefectural-sha256 · Prefectural authorities, SHA-256 · 2014-10-01",
        "a test PKI",
    ]
    assert [line.split("rsa")[0].rstrip() for line in lines[3:]] == [
        "ブリッジ認証局  bridge",
        "├─ ⇄ 茨城県知事       governor-08",
        "│  └─ 試験　茨城県     08-signature",
        "└─ ⇄ 東京都知事       governor-13",
        "   └─ 試験　東京都     13-signature",
    ]


def test_the_tree_of_national_authorities() -> None:
    """Each with its keys, and whom they have certified."""
    folder, _ = built("jlis")
    lines = run("show", str(folder)).stdout.splitlines()
    assert "公的個人認証サービス署名用  national-signature" in lines
    assert "公的個人認証サービス利用者証明用  national-authentication" in lines
    for number in (1, 2, 3):
        assert sum(f"key {number}" in line for line in lines) == 2
    persons = [line for line in lines if "08-" in line]
    assert ["-key2" in line for line in persons] == [True, False, True, False]


def test_the_picture_of_a_mesh(tmp_path: Path) -> None:
    """Well-formed, with a node for each governor and an arc for each cross."""
    folder, manifest = built("prefectural-sha256")
    file = tmp_path / "mesh.svg"
    assert run("show", str(folder), "--svg", str(file)).exit_code == 0
    root = ElementTree.fromstring(file.read_text("utf-8"))
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert {"ブリッジ認証局", "茨城県 Ibaraki-ken", "東京都 Tokyo-to"} <= set(texts)
    assert len(list(root.iter(f"{SVG}path"))) == len(manifest.of("cross"))


def test_the_picture_of_keys() -> None:
    """One bar for each key of the national authorities."""
    _, manifest = built("jlis")
    assert len(manifest.of("authority")) == 6
    root = ElementTree.fromstring(picture(manifest))
    bars = [
        bar for bar in root.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None
    ]
    assert len(bars) == len(manifest.of("authority"))
    edges = [float(bar.get("x", "")) + float(bar.get("width", "")) for bar in bars]
    dots = [float(dot.get("cx", "")) for dot in root.iter(f"{SVG}circle")]
    assert len(dots) == len(manifest.persons())
    assert max(dots) < max(edges)


def test_programs_get_the_manifest() -> None:
    """As it stands in the folder."""
    folder, _ = built("jlis")
    result = run("show", str(folder), "--json")
    assert json.loads(result.stdout) == json.loads((folder / FILE_NAME).read_bytes())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"jpki-pki/1"', '"jpki-pki/9"', "format"),
        ('"role": "anchor"', '"role": "throne"', "role"),
        ('"seed": "7"', '"sede": "7"', "sede"),
        ('"era": "jlis",', "", "era is missing"),
        ("20", "twenty", "unusable"),
        ("{", "", "not JSON"),
        ("公的", "\\u001b[2J", "unusable"),
        ('"2025-10-19T14:59:59Z"', '"2015-10-20T02:40:28Z"', "validity is missing"),
        ('"2025-10-19T14:59:59Z"', '"0001-01-01T00:00:00Z"', "unusable"),
        ('"issuer": "national-signature",', "", "issuer or validity is missing"),
    ],
)
def test_what_is_no_manifest_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """In one sentence that names the file."""
    folder, _ = built("jlis")
    text = (folder / FILE_NAME).read_text("utf-8").replace(old, new, 1)
    (tmp_path / FILE_NAME).write_text(text, "utf-8")
    result = run("show", str(tmp_path))
    assert result.exit_code == 2
    assert str(tmp_path / FILE_NAME) in result.output
    assert message in result.output


def test_a_pki_without_authorities_is_refused(tmp_path: Path) -> None:
    """There would be nothing to draw."""
    folder, _ = built("jlis")
    document = json.loads((folder / FILE_NAME).read_bytes())
    document["files"] = []
    (tmp_path / FILE_NAME).write_text(json.dumps(document), "utf-8")
    result = run("show", str(tmp_path))
    assert result.exit_code == 2
    assert "no authority" in result.output


def test_a_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    """And the hint says which folders have one."""
    result = run("show", str(tmp_path))
    assert result.exit_code == 2
    assert "jpki pki build" in result.output
