"""CMS in the levels of CAdES (ETSI EN 319 122-1)."""

from __future__ import annotations

from jpki.cli.sign.orders import Level, Order
from jpki.documents.cades_levels import (
    add_archive_timestamp,
    add_timestamp,
    add_validation_data,
    signature_value,
)
from jpki.documents.cms import sign_detached, sign_enveloping
from jpki.documents.cms_check import check_cms

__all__ = ["sign_cms"]


def sign_cms(order: Order) -> bytes:
    """A ContentInfo, DER, detached or with the content inside.

    Raises:
        JpkiError: the key, the time-stamp authority or what is known of the signer's
            certificate does not allow it.
    """
    make = sign_enveloping if order.enveloping else sign_detached
    made = make(order.content, order.certificate, order.signer, order.at, order.chain)
    content = None if order.enveloping else order.content
    if order.stamp is not None and order.level.includes(Level.T):
        made = add_timestamp(made, order.stamp(signature_value(made)))
    if order.collect is not None and order.level.includes(Level.LT):
        data = order.collect(check_cms(made, content))
        made = add_validation_data(
            made, data.certificates, data.crls, data.ocsp_responses
        )
    if order.stamp is not None and order.level.includes(Level.LTA):
        made = add_archive_timestamp(made, order.stamp, content)
    return made
