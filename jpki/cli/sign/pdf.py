"""PDF in the levels of PAdES (ETSI EN 319 142-1)."""

from __future__ import annotations

from jpki.cli.sign.orders import Level, Order
from jpki.documents.pdf.check import check_pdf
from jpki.documents.pdf.sign import add_timestamp, add_validation_data, sign_pdf
from jpki.documents.signature import Enclosed
from jpki.errors import ConfigurationError

__all__ = ["sign_into_pdf"]


def sign_into_pdf(order: Order) -> bytes:
    """The PDF with the signature in it.

    Raises:
        JpkiError: the PDF, the key, the time-stamp authority or what is known of the
            signer's certificate does not allow it.
    """
    if order.enveloping:
        raise ConfigurationError(
            "command line", "--enveloping", "a PDF's signature is inside the PDF"
        )
    made = sign_pdf(
        order.content,
        order.certificate,
        order.signer,
        order.at,
        chain=order.chain,
        stamp=order.stamp if order.level.includes(Level.T) else None,
    )
    if order.collect is not None and order.level.includes(Level.LT):
        data = order.collect(check_pdf(made))
        made = add_validation_data(
            made,
            Enclosed(
                certificates=data.certificates,
                crls=data.crls,
                ocsp_responses=data.ocsp_responses,
            ),
        )
    if order.stamp is not None and order.level.includes(Level.LTA):
        made = add_timestamp(made, order.stamp)
    return made
