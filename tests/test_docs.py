"""Prose equals code: what the documentation says is what the programs do."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from jpki import errors
from jpki.cli import main as jpki
from jpki.verify import Indeterminate, Invalid
from tests.support.prose import PARTS, documents, renewed
from tests.support.reference_pki import reference_pki
from tests.support.sources import PACKAGES, ROOT, modules
from tests.support.verification import anchor_of, signed

_DOCUMENTS: Final = documents()
_NAMES: Final = [str(path.relative_to(ROOT)) for path in _DOCUMENTS]
_LINK: Final = re.compile(r"\[[^\]]*\]\((?!https?:|#|mailto:)([^)#]+)")
_MAKE: Final = re.compile(r"(?:^|`)make ([a-z]+)\b", re.MULTILINE)
_JPKI: Final = re.compile(r"\bjpki (--?[a-z-]+|[a-z]+)(?=[ `\n])")


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_NAMES)
def test_parts_made_from_code_are_up_to_date(document: Path) -> None:
    """`make docs` would change nothing."""
    text = document.read_text("utf-8")
    assert renewed(text) == text


def test_every_part_is_shown_somewhere() -> None:
    """No part is made that nobody reads, and none is asked for that nobody makes."""
    asked = {
        name
        for document in _DOCUMENTS
        for name in re.findall(
            r"<!-- from code: ([a-z-]+) -->", document.read_text("utf-8")
        )
    }
    assert asked == set(PARTS)


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_NAMES)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link names a file of this tree."""
    targets = _LINK.findall(document.read_text("utf-8"))
    assert [t for t in targets if not (document.parent / t).exists()] == []


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_NAMES)
def test_commands_exist(document: Path) -> None:
    """Every `make` target and `jpki` command that is quoted as code exists."""
    targets = set(re.findall(r"^([a-z]+):", _text("Makefile"), re.MULTILINE))
    group = click.Context(jpki, info_name="jpki")
    commands = {*jpki.list_commands(group), "--help", "--version"}
    code = "\n".join(_code(document.read_text("utf-8")))
    assert set(_MAKE.findall(code)) - targets == set()
    assert set(_JPKI.findall(code)) - commands == set()


def _code(text: str) -> Iterator[str]:
    """Fenced blocks that are not from code themselves, and spans of code."""
    for block in re.findall(r"^```(?:sh)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield re.sub(r"\.venv/bin/", "", block)
    yield from re.findall(r"`([^`\n]+)`", text)


def test_the_example_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The README's program works as printed; without servers it cannot say valid."""
    pki = reference_pki("prefectural-sha256")
    content = b"<application/>"
    (tmp_path / "anchor.der").write_bytes(anchor_of(pki).certificate)
    (tmp_path / "application.xml").write_bytes(content)
    (tmp_path / "application.p7s").write_bytes(signed(pki, content))
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"^```python\n(.*?)^```", _text("README.md"), re.M | re.S)
    # Nothing listens on port 0.
    program = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:0", program)
    names: dict[str, object] = {}
    exec(compile(program, "README.md", "exec"), names)
    outcome = names["outcome"]
    assert isinstance(outcome, Indeterminate | Invalid)
    assert outcome.notes


def test_decisions_are_numbered_listed_and_one_page() -> None:
    """Each decision has the next number, stands in the list and stays short."""
    pages = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1))
    index = _text("docs/adr/README.md")
    for page in pages:
        lines = page.read_text("utf-8").splitlines()
        assert lines[0].startswith(f"# {page.name[:4]} ")
        assert f"]({page.name}) | {lines[0][7:]} |" in index
        assert len(lines) <= 60


def test_every_dependency_is_explained_and_used() -> None:
    """Each package in `setup.cfg` has its reason in the decision, and is imported."""
    section = re.search(
        r"^install_requires =\n((?: .*\n)+)", _text("setup.cfg"), re.MULTILINE
    )
    assert section is not None
    required = set(re.findall(r"^ +([a-z0-9-]+) ", section[1], re.MULTILINE))
    page = _text("docs/adr/0013-dependencies.md")
    explained = set(re.findall(r"^\| ([a-z0-9-]+) \|", page, re.MULTILINE))
    assert explained - {"package"} == required
    imported = {
        name.partition(".")[0].replace("_", "-")
        for module in modules(*PACKAGES)
        for _, name in module.imports()
    }
    assert required - imported == set()


def test_lock_files_pin_by_hash_and_name_no_index() -> None:
    """Locks say what is installed, never from where."""
    for name in (
        "requirements.lock",
        "requirements-dev.lock",
        "requirements-pcsc.lock",
    ):
        text = _text(name)
        pinned = re.findall(r"^[a-z0-9-]+==\S+ \\\n +--hash=", text, re.MULTILINE)
        listed = re.findall(r"^[a-z]", text, re.MULTILINE)
        assert len(pinned) == len(listed) > 10
        assert "index-url" not in text
        assert "://" not in text


def test_locks_agree() -> None:
    """What is run is what is tested."""
    run, tested = (
        set(re.findall(r"^([a-z0-9-]+==\S+)", _text(name), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert run <= tested
    readers = set(
        re.findall(r"^([a-z0-9-]+==\S+)", _text("requirements-pcsc.lock"), re.MULTILINE)
    )
    (more,) = readers - run
    assert more.startswith("pyscard==")


def test_pyproject_only_names_the_build_backend() -> None:
    """Everything else is in setup.cfg."""
    assert set(tomllib.loads(_text("pyproject.toml"))) == {"build-system"}


def test_every_error_has_a_row() -> None:
    """Whatever the library raises as its own stands in docs/errors.md."""
    names = re.findall(r"^\| `[^`]+` \| `(\w+)` \|", _text("docs/errors.md"), re.M)
    own = {
        name
        for name in errors.__all__
        if isinstance(cls := getattr(errors, name), type)
        and issubclass(cls, errors.JpkiError)
    }
    assert set(names) == own
    assert len(names) == len(own)


def test_no_two_programs_share_a_port() -> None:
    """All of them can run on one machine as they are."""
    ports = re.findall(r"\| (\d{4}) \|$", PARTS["ports"](), re.MULTILINE)
    assert len(ports) == 8
    assert len(set(ports)) == len(ports)


def test_glossary_has_each_japanese_term_once() -> None:
    """A term has one English word here."""
    rows = re.findall(
        r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", _text("docs/glossary.md"), re.MULTILINE
    )
    terms = [row for row in rows if row not in ("日本語", "---")]
    assert len(terms) == len(set(terms)) > 30


def test_no_notes_are_left_in_the_code() -> None:
    """What is to be done stands in the issue tracker."""
    note = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b")
    found = [
        f"{path.relative_to(ROOT)}"
        for folder in (*PACKAGES, "tests", "benchmarks", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".toml"}
        and note.search(path.read_text("utf-8"))
    ]
    assert found == []


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")
