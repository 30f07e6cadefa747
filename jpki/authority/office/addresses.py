"""Where the lists of each key of an authority are served."""

from __future__ import annotations

from jpki.authority.office import Office

__all__ = ["list_addresses"]


def list_addresses(office: Office, authority: str, generation: int) -> dict[str, str]:
    """Values of the placeholders that stand for the addresses of one key's lists."""
    return {
        f"{scope}_url": f"{office.crls_url}/{authority}/{generation}/{scope}.crl"
        for scope in ("crl", "arl", "delta")
    }
