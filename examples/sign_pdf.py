"""Sign a PDF with a citizen's card, by pyHanko (PAdES; ISO 32000-2 12.8).

    python -m examples.sign_pdf form.pdf signed.pdf --card card.json

Needs the extra `pdf`. pyHanko makes the PDF and the CMS in it; the card makes the
signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from asn1crypto import x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

from jpki.cards.places import SCHEME, CardPlace
from jpki.keys.card import open_card_signer
from jpki.model.ports import Signer as KeySigner

__all__ = ["PDFKey", "main", "sign_pdf"]


class PDFKey(Signer):
    """One of our signers as pyHanko wants it."""

    def __init__(
        self, signer: KeySigner, certificate: bytes, chain: Sequence[bytes] = ()
    ) -> None:
        """Take the key, its certificate and those above it, DER."""
        store = SimpleCertificateStore()
        store.register_multiple(x509.Certificate.load(one) for one in chain)
        super().__init__(
            signing_cert=x509.Certificate.load(certificate), cert_registry=store
        )
        self._key = signer

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        """Sign; a dry run only tells how long a signature is."""
        if dry_run:
            return bytes(512)
        digest = self._key.suite.digest
        if digest is None or digest.value != digest_algorithm:
            raise ValueError(f"this key signs {digest}, not {digest_algorithm}")
        return self._key.sign(data)


def sign_pdf(source: Path, target: Path, key: PDFKey, digest: str) -> None:
    """Add a signature to a PDF; what was there stays as it is."""
    metadata: Any = PdfSignatureMetadata(
        field_name="Signature",
        md_algorithm=digest,
        subfilter=SigSeedSubFilter.PADES,
    )
    with source.open("rb") as read, target.open("wb") as written:
        signed = PdfSigner(metadata, signer=key).sign_pdf(
            IncrementalPdfFileWriter(read)
        )
        written.write(signed.getbuffer())


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--card", default=SCHEME, help="File or `card:` URI.")
@click.option("--pin-file", type=click.File("r"), help="Its first line is the PIN.")
def main(source: Path, target: Path, card: str, pin_file: Any) -> None:
    """Sign SOURCE with the signature key of a card; TARGET is the signed PDF."""
    uri = card if card.startswith(SCHEME) else str(CardPlace(file=Path(card)))

    def pin() -> str:
        if pin_file is not None:
            return str(pin_file.readline()).rstrip("\r\n")
        return str(click.prompt("PIN", hide_input=True, err=True))

    with open_card_signer(uri, pin) as signer:
        key = PDFKey(signer, signer.certificate, [signer.authority_certificate])
        assert signer.suite.digest is not None
        sign_pdf(source, target, key, signer.suite.digest.value)


if __name__ == "__main__":
    main()
