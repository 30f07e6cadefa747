"""pkilint, at the severity of warnings, finds nothing in what the profiles make.

It cannot judge everything: what is left out stands in `_BEYOND` with the reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from pkilint.bin import lint_crl, lint_pkix_cert

from jpki.der.writer import object_identifier
from tests.support.reference_pki import FOUNDED, reference_pki

# pkilint's programs leave the file that they read to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

_EXAMPLE_ARC: Final = object_identifier("2.999")[2:]
"""Arcs under 2.999 (X.660, for examples) stand where the service's policies are not
public. pkilint's decoder refuses them as out of range, and judges nothing else then."""

_BEYOND: Final = "OID contains out-of-range arc"


@pytest.mark.parametrize("era", FOUNDED)
def test_pkilint_finds_nothing_in_certificates(
    era: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every profile of every era."""
    for name, raw in reference_pki(era).certificates.items():
        path = tmp_path / f"{name}.der"
        path.write_bytes(raw)
        lint_pkix_cert.main(["lint", "-s", "WARNING", str(path)])
        found = [
            line
            for line in capsys.readouterr().out.splitlines()
            if line.startswith("    ")
        ]
        if _EXAMPLE_ARC in raw:
            found = [line for line in found if _BEYOND not in line]
        assert found == [], name


@pytest.mark.parametrize("era", FOUNDED)
@pytest.mark.parametrize(
    ("role", "kind"), [("crl", "CRL"), ("crl-partition", "CRL"), ("arl", "ARL")]
)
def test_pkilint_finds_nothing_in_lists(
    era: str,
    role: str,
    kind: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of residents, of one municipality, and of authorities."""
    pki = reference_pki(era)
    path = tmp_path / "list.crl"
    path.write_bytes(pki.crl(pki.a, role=role))
    lint_crl.main(["lint", "-t", kind, "-p", "PKIX", "-s", "WARNING", str(path)])
    assert capsys.readouterr().out.strip() == ""
