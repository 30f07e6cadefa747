"""A deployer's own profiles: the packaged ones, with the addresses of lists beside."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jpki.data.files import FOLDER

__all__ = ["profiles_with_addresses"]

_POINTS: Final = 'kind = "crl-distribution-points"\n'
_AUTHORITIES: Final = ("-authority", "cross", "link")


def profiles_with_addresses(folder: Path) -> Path:
    """Write them; certificates of authorities name the ARL, all others the CRL."""
    own = folder / "certificate_profiles"
    own.mkdir(parents=True)
    for path in (FOLDER / "certificate_profiles").glob("*.toml"):
        text = path.read_text("utf-8")
        scope = "arl" if any(word in path.stem for word in _AUTHORITIES) else "crl"
        uri = f'{_POINTS}uri = "{{{scope}_url}}"\n'
        (own / path.name).write_text(text.replace(_POINTS, uri), encoding="utf-8")
    return folder
