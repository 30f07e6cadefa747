"""PKCS #11 URIs (RFC 7512) are read strictly and written so that they read the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.errors import KeyProviderError
from jpki.keys.pkcs11.uri import PKCS11URI, parse_pkcs11_uri
from jpki.keys.pkcs11.values import ec_public_key, ecdsa_value, suite_of_label

_TEXTS = st.none() | st.text(
    st.characters(exclude_characters="\0", codec="utf-8"),
    min_size=1,
).filter(lambda text: len(text.encode()) < 60)


def test_all_parts_are_read() -> None:
    """Percent-encoding is undone in path and query; the id is octets."""
    read = parse_pkcs11_uri(
        "pkcs11:token=CA%20%E6%9D%B1%E4%BA%AC;object=rsa2048-sha256:governor-13;"
        "id=%00%FFab;type=private;serial=1;model=m;manufacturer=v"
        "?module-path=/usr/lib/p%2011.so&pin-source=file:/run/pin"
    )
    assert read == PKCS11URI(
        token="CA 東京",
        label="rsa2048-sha256:governor-13",
        id=b"\x00\xffab",
        type="private",
        serial="1",
        model="m",
        manufacturer="v",
        module_path=Path("/usr/lib/p 11.so"),
        pin_source=Path("/run/pin"),
    )
    assert parse_pkcs11_uri(str(read)) == read


@given(token=_TEXTS, label=_TEXTS, serial=_TEXTS, id=st.none() | st.binary(min_size=1))
def test_what_is_written_reads_the_same(
    token: str | None, label: str | None, serial: str | None, id: bytes | None
) -> None:
    """Whatever the labels are, separators and other scripts included."""
    uri = PKCS11URI(
        token=token,
        label=label,
        serial=serial,
        id=None if id is None else id[:32],
        module_path=Path("/a b/ü?&;.so"),
    )
    assert parse_pkcs11_uri(str(uri)) == uri


def test_the_books_get_neither_module_nor_pin() -> None:
    """A key's URI is the same on every machine that the token is plugged into."""
    uri = parse_pkcs11_uri("pkcs11:token=ca?module-path=/m.so&pin-source=/run/pin")
    key = uri.key("p256-sha256:a")
    assert str(key) == "pkcs11:token=ca;object=p256-sha256:a;type=private"


@pytest.mark.parametrize("name", ["pin-value", "x-pin-value"])
def test_a_pin_is_refused_and_not_repeated(name: str) -> None:
    """A URI is logged and shown, so that a PIN has no place in it."""
    with pytest.raises(KeyProviderError) as refusal:
        parse_pkcs11_uri(f"pkcs11:token=ca?{name}=31415926")
    assert "31415926" not in refusal.value.message
    assert "pin-source" in (refusal.value.hint or "")


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "begin"),
        ("PKCS11:token=a", "begin"),
        ("file:/a", "begin"),
        ("pkcs11:token=a;token=a", "twice"),
        ("pkcs11:token=a?module-path=/a&module-path=/b", "twice"),
        ("pkcs11:token", "value"),
        ("pkcs11:token=", "value"),
        ("pkcs11:token=%", "value"),
        ("pkcs11:token=%2", "value"),
        ("pkcs11:token=%GG", "value"),
        ("pkcs11:token=a b", "value"),
        ("pkcs11:token=東京", "value"),
        ("pkcs11:token=a/b", "value"),
        ("pkcs11:token=a?", "empty query"),
        ("pkcs11:token=a;", "not supported"),
        ("pkcs11:;token=a", "not supported"),
        ("pkcs11:token=a?pin-source=/a&", "not supported"),
        ("pkcs11:Token=a", "not supported"),
        ("pkcs11:slot-id=1", "not supported"),
        ("pkcs11:module-path=/a", "not supported"),
        ("pkcs11:token=a?token=b", "not supported"),
        ("pkcs11:token=a?module-name=softhsm", "not supported"),
        ("pkcs11:type=public", "private"),
        ("pkcs11:token=%FF", "UTF-8"),
        ("pkcs11:object=a%00b", "null"),
        ("pkcs11:token=a?module-path=lib.so", "absolute"),
        ("pkcs11:token=a?pin-source=|/bin/pin", "absolute"),
        ("pkcs11:token=a?pin-source=https://pins/", "absolute"),
        ("pkcs11:token=" + "a" * 1100, "longer"),
    ],
)
def test_refusals(uri: str, reason: str) -> None:
    """What is malformed, repeated, unknown or not heeded is refused, and says why."""
    with pytest.raises(KeyProviderError, match=reason):
        parse_pkcs11_uri(uri)


@given(st.text(max_size=60))
def test_hostile_text_raises_only_our_error(text: str) -> None:
    """Any text at all is a URI or a KeyProviderError."""
    try:
        parse_pkcs11_uri(f"pkcs11:{text}")
    except KeyProviderError:
        return


def test_a_label_binds_a_key_to_its_suite() -> None:
    """A label without a known suite is refused."""
    assert suite_of_label("p384-sha384:governor-08").id == "p384-sha384"
    for label in ("governor-08", "", "md5:x", ":"):
        with pytest.raises(KeyProviderError, match="suite"):
            suite_of_label(label)


def test_signatures_and_points_of_tokens() -> None:
    """Two numbers become DER (RFC 3279 2.2.3); what is neither is refused."""
    assert ecdsa_value(b"\x80\x01\x00\x02") == bytes.fromhex("30080203008001020102")
    for raw in (b"", b"\x01", b"\x01\x02\x03", bytes(64)):
        with pytest.raises(KeyProviderError):
            ecdsa_value(raw)
    for point in (b"", b"\x04\x02\x02\x00", b"\x02\x01"):
        with pytest.raises(KeyProviderError):
            ec_public_key(b"\x06\x00", point)
