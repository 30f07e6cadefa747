"""What `jpki verify` knows, in a sentence for whoever brought something else."""

from __future__ import annotations

from typing import Final

__all__ = ["KINDS"]

KINDS: Final = (
    "known are CMS (CAdES; DER, BER or PEM), PDF (PAdES), XML (XML Signature, XAdES), "
    "folders and ZIP archives of an application with its XML signature, and bare "
    "signatures with --certificate; `jpki verify --help` has an example of each"
)
