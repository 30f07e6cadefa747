"""The laws of the house that a reader of one file cannot see: clock, chance, I/O."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from jpki import data
from tests.support.reference_pki import reference_pki
from tests.support.sources import PACKAGES, Module, modules
from tests.support.verification import anchor_of, moment, signed

_CORE: Final = ("jpki.der", "jpki.model", "jpki.x509", "jpki.documents", "jpki.verify")
"""Bytes and values only. HTTP clients live beside their use-case, in `client`."""

_AT_THE_EDGE: Final = ("client.py", "shelf.py")
"""Modules of the core that reach out: to the network, and to what is kept of it."""

_CLOCKS: Final = (
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
)
_CHANCE: Final = ("random.", "secrets.", "os.urandom", "uuid.uuid1", "uuid.uuid4")
_FILES: Final = ("open", "print", "input", "Path", "socket.", "subprocess.", "os.")
_EDGES: Final[Mapping[str, str]] = {
    "jpki.cli": "the command is a composition root",
    "jpki.keys.pkcs8": "draws salt and IV as the key beside them was drawn",
    "jpki.service.clock": "the one clock and the one source of chance of the servers",
    "jpki.service.connection": "compares with the moments that waitress has noted",
    "ca_server": "composes",
    "ocsp_crl": "composes",
    "registry_stub": "composes",
    "examples": "composes",
}
"""Where clock and chance may be read, and why there."""
_LONGEST: Final = 500
"""Lines of a module; longer is two subjects."""


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(
        name == package or name.startswith(f"{package}.") for package in packages
    )


_ALL: Final = modules(*PACKAGES)
_PURE: Final = [
    module
    for module in _ALL
    if _within(module.name, _CORE) and module.path.name not in _AT_THE_EDGE
]


def _names(found: list[Module]) -> list[str]:
    return [module.name for module in found]


@pytest.mark.parametrize("module", _ALL, ids=_names(_ALL))
def test_clock_and_chance_are_handed_in(module: Module) -> None:
    """Only compositions and the service clock read the time or draw numbers."""
    if _within(module.name, tuple(_EDGES)):
        return
    found = [
        f"line {line}: {call}()"
        for line, call in module.calls()
        if _is_one_of(call, _CLOCKS) or _is_one_of(call, _CHANCE)
    ]
    assert found == []


@pytest.mark.parametrize("module", _PURE, ids=_names(_PURE))
def test_the_core_does_no_io(module: Module) -> None:
    """The core opens no file, prints nothing and talks to no socket."""
    found = [
        f"line {line}: {call}()"
        for line, call in module.calls()
        if _is_one_of(call, _FILES)
    ]
    assert found == []


@pytest.mark.parametrize("module", _ALL, ids=_names(_ALL))
def test_http_is_spoken_by_clients_only(module: Module) -> None:
    """The standard library's clients are not a way around the import contracts."""
    unwanted = {"http.client", "urllib.request", "urllib3", "requests", "httpx"}
    imported = {name for _, name in module.imports()}
    assert module.path.name == "client.py" or imported & unwanted == set()


def test_the_edges_exist() -> None:
    """Every exception that is allowed here is one that is needed."""
    assert [edge for edge in _EDGES if not _any_within(edge)] == []


@pytest.mark.parametrize("module", _ALL, ids=_names(_ALL))
def test_modules_are_small_and_say_what_they_are(module: Module) -> None:
    """A module has one subject, says which, and names what it offers."""
    assert ast.get_docstring(module.tree)
    assert len(module.text.splitlines()) <= _LONGEST
    offers = any(
        isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        for node in module.tree.body
    )
    assigned = {
        target.id
        for node in module.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    # Alembic calls `upgrade` and `downgrade` by name.
    private = "._" in module.name or ".versions." in module.name
    assert not offers or private or "__all__" in assigned


def test_verifying_loads_no_server_database_or_http() -> None:
    """A portal that only verifies pays for nothing else."""
    script = (
        "import sys, jpki.verify, jpki.x509.parse, jpki.documents.cms;"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    unwanted = {"flask", "sqlalchemy", "alembic", "waitress", "urllib3", "click"}
    assert unwanted & set(done.stdout.split()) == set()


def test_a_verdict_loads_what_it_needs(tmp_path: Path) -> None:
    """`jpki verify` starts in a blink: no HTTP, no other kind of document, no profiles.

    Numbers in bulk are for long CRLs, and the register's forms for a claim.
    """
    pki = reference_pki("prefectural-sha256")
    at = f"{moment(pki):%Y-%m-%dT%H:%M:%SZ}"
    files = {
        "anchor.der": anchor_of(pki).certificate,
        "paper.txt": b"1",
        "paper.p7s": signed(pki, b"1"),
    }
    for name, octets in files.items():
        (tmp_path / name).write_bytes(octets)
    script = (
        "import sys; from jpki.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(*sys.modules)"
    )
    asked = ["paper.txt", "paper.p7s", "--anchor", "anchor.der", "--at", at]
    done = subprocess.run(
        [sys.executable, "-c", script, "verify", *asked, "--offline"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    verdict, _, loaded = done.stdout.rstrip().rpartition("\n")
    # The evidence for more is not at hand: the document was read to its end.
    assert "[path.none]" in verdict, done.stderr + done.stdout
    unwanted = {
        "asn1crypto",
        "flask",
        "importlib.metadata",
        "jpki.data.profiles",
        "jpki.documents.pdf",
        "jpki.documents.xml",
        "jpki.model.profiles",
        "jpki.verify.client",
        "jpki.verify.matching",
        "jpki.verify.records",
        "lxml",
        "numpy",
        "pyhanko",
        "sqlalchemy",
        "urllib3",
        "zipfile",
    }
    assert unwanted & set(loaded.split()) == set()


def test_the_policy_is_that_of_the_topology() -> None:
    """What is read without all of the authorities' names is what is read with them."""
    assert data.governor_policy() == data.topology().governor_policy


def _any_within(package: str) -> bool:
    return any(_within(module.name, (package,)) for module in _ALL)


def _is_one_of(call: str, names: tuple[str, ...]) -> bool:
    return any(
        call.startswith(name) if name.endswith(".") else _ends(call, name)
        for name in names
    )


def _ends(call: str, name: str) -> bool:
    return call == name or call.endswith(f".{name}")
