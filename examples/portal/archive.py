"""Accepted applications on disk: whole or not there, never replaced.

Each has two files under its receipt's number: an evidence record (.zip), from which the
verdict can be reached again years later, and the receipt with the verdict (.json).
"""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from jpki.durable import create_file
from jpki.verify import Valid
from jpki.verify.records import EvidenceRecord

__all__ = ["Archive", "Receipt"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """受付票: proof for the applicant that the portal accepted something, and when."""

    number: str
    received_at: datetime
    application_sha256: str
    signature_sha256: str

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable form."""
        return {
            "number": self.number,
            "received_at": f"{self.received_at:%Y-%m-%dT%H:%M:%SZ}",
            "application_sha256": self.application_sha256,
            "signature_sha256": self.signature_sha256,
        }


class Archive:
    """A folder of accepted applications."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()

    def check(self) -> None:
        """The folder can be made and written to.

        Raises:
            OSError: it cannot.
        """
        self._folder.mkdir(parents=True, exist_ok=True)

    def accept(
        self,
        application: bytes,
        signature: bytes,
        verdict: Valid,
        evidence: EvidenceRecord,
    ) -> Receipt:
        """Keep what was accepted. The same submission again gets the same receipt."""
        parts = (hashlib.sha256(application), hashlib.sha256(signature))
        whole = hashlib.sha256(b"".join(part.digest() for part in parts))
        receipt = Receipt(
            number=_grouped(whole.digest()),
            received_at=verdict.at,
            application_sha256=parts[0].hexdigest(),
            signature_sha256=parts[1].hexdigest(),
        )
        told = {"receipt": receipt.to_json(), "verdict": verdict.to_json()}
        file = self._folder / f"{receipt.number}.json"
        content = json.dumps(told, ensure_ascii=False).encode()
        octets = evidence.to_bytes()
        with self._lock:
            self.check()
            # The receipt comes last: where there is one, there is evidence.
            with suppress(FileExistsError):
                create_file(file.with_suffix(".zip"), octets)
            try:
                create_file(file, content)
            except FileExistsError:
                return _read_receipt(file.read_bytes(), receipt)
        return receipt


def _read_receipt(record: bytes, receipt: Receipt) -> Receipt:
    stored = json.loads(record)["receipt"]
    return Receipt(
        number=receipt.number,
        received_at=datetime.fromisoformat(stored["received_at"]),
        application_sha256=receipt.application_sha256,
        signature_sha256=receipt.signature_sha256,
    )


def _grouped(digest: bytes) -> str:
    text = base64.b32encode(digest[:10]).decode("ascii")
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))
