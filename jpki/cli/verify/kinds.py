"""What `jpki verify` knows, in a sentence for whoever brought something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["KINDS"]

KINDS: Final[Mapping[str, str]] = {
    "ja": (
        "判定できるもの: CMS（CAdES、DER・BER・PEM）、PDF（PAdES）、XML（XML署名・"
        "XAdES）、XML署名のある申請データのフォルダー又はZIP、--certificateを伴う署名値。"
        "例は `jpki verify --help` にあります"
    ),
    "en": (
        "known are CMS (CAdES; DER, BER or PEM), PDF (PAdES), XML (XML Signature, "
        "XAdES), folders and ZIP archives of an application with its XML signature, "
        "and bare signatures with --certificate; `jpki verify --help` has an example "
        "of each"
    ),
}
"""By language."""
