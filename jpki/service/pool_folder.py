"""A folder of certificates, CRLs and OCSP responses as a pool of evidence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jpki.errors import ConfigurationError, EncodingError
from jpki.verify import Pool
from jpki.x509.pem import ders

__all__ = ["read_pool"]

_LABELS: Final = ("CERTIFICATE", "X509 CRL")


def read_pool(folder: Path, key: str) -> Pool:
    """Everything in the folder and below that is one of the three kinds.

    Args:
        folder: with files in DER or PEM; whatever else is there is passed over.
        key: the option or setting that named it, for complaints.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    contents = list(_contents(folder, key))
    return Pool.from_der(certificates=contents, crls=contents, ocsp_responses=contents)


def _contents(folder: Path, key: str) -> Iterable[bytes]:
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        try:
            content = file.read_bytes()
            for label in _LABELS:
                yield from ders(content, label)
                if content[:1] == b"\x30":
                    break
        except OSError as error:
            reason = error.strerror or "cannot be read"
            raise ConfigurationError(str(file), key, reason) from None
        except EncodingError:
            continue
