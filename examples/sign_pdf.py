"""Sign a PDF with a citizen's card (PAdES-B-B; ISO 32000-2 12.8).

    python -m examples.sign_pdf form.pdf signed.pdf --card card.json

Needs the extra `pdf`. The card makes the signature; `jpki.documents.pdf.sign` puts it
into the PDF, and looks at the result as a verifier would.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from jpki.cards.places import SCHEME, CardPlace
from jpki.documents.pdf.sign import sign_pdf
from jpki.keys.card import open_card_signer

__all__ = ["main"]


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
        signed = sign_pdf(
            source.read_bytes(),
            signer.certificate,
            signer,
            datetime.now(UTC).replace(microsecond=0),
            chain=[signer.authority_certificate],
        )
    target.write_bytes(signed)


if __name__ == "__main__":
    main()
