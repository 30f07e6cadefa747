"""Keys on a token, with SoftHSM as the token and OpenSSL as the judge."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass, TokenFlag

from jpki.authority.office.keyrings import FileKeyring, TokenKeyring
from jpki.der import oids
from jpki.errors import (
    KeyNotFound,
    KeyProviderError,
    TokenGone,
    TokenPINError,
)
from jpki.keys.pkcs11.token import Token
from jpki.keys.pkcs11.uri import parse_pkcs11_uri
from jpki.model.suites import suite
from jpki.x509.signatures import verify_signature
from tests.support.tokens import PIN, SOFTHSM, SoftHSM, TestToken

pytestmark = pytest.mark.needs("softhsm")

RSA = suite("rsa2048-sha256")
P384 = suite("p384-sha384")
P256 = suite("p256-sha256")


@pytest.fixture
def token(softhsm: SoftHSM) -> TestToken:
    """A token of the test's own."""
    return softhsm.new_token()


def private_object(token: TestToken, label: str) -> pkcs11.PrivateKey:
    """The key as the module itself tells of it."""
    session = pkcs11.lib(SOFTHSM).get_token(token_label=token.label).open()
    found = session.get_key(ObjectClass.PRIVATE_KEY, label=label)
    assert isinstance(found, pkcs11.PrivateKey)
    return found


@pytest.mark.parametrize(
    "suite_id", ["rsa2048-sha1", "rsa2048-sha256", "p256-sha256", "p384-sha384"]
)
def test_keys_are_made_found_again_and_never_leave(
    token: TestToken, suite_id: str, tmp_path: Path
) -> None:
    """OpenSSL accepts their signatures; the token gives no private part away."""
    wanted = suite(suite_id)
    made = token.open().generate(wanted, "governor-08-1-4f")
    assert made.uri == (
        f"pkcs11:token={token.label};object={suite_id}:governor-08-1-4f;type=private"
    )
    later = token.open().open(made.uri)
    assert (later.suite, later.public_key) == (wanted, made.public_key)
    message = b"message" * 1000
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "signature").write_bytes(later.sign(message))
    (tmp_path / "key").write_bytes(made.public_key)
    assert wanted.digest is not None
    subprocess.run(
        [
            *("openssl", "dgst", f"-{wanted.digest.value}", "-keyform", "DER"),
            *("-verify", "key", "-signature", "signature", "message"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    key = private_object(token, f"{suite_id}:governor-08-1-4f")
    assert key[Attribute.SENSITIVE]
    assert key[Attribute.ALWAYS_SENSITIVE]
    assert key[Attribute.NEVER_EXTRACTABLE]
    assert not key[Attribute.EXTRACTABLE]
    assert not key[Attribute.MODIFIABLE]
    assert not key[Attribute.DECRYPT]
    secret = Attribute.PRIVATE_EXPONENT if "rsa" in suite_id else Attribute.VALUE
    with pytest.raises(pkcs11.AttributeSensitive):
        _ = key[secret]
    with pytest.raises(pkcs11.PKCS11Error):
        key[Attribute.EXTRACTABLE] = True


def test_keys_are_never_overwritten(token: TestToken) -> None:
    """A second key of the same name is refused; of another suite it is another key."""
    opened = token.open()
    first = opened.generate(P256, "a")
    with pytest.raises(KeyProviderError, match="never overwritten"):
        opened.generate(P256, "a")
    assert opened.generate(P384, "a").public_key != first.public_key


def test_suites_without_a_mechanism(token: TestToken) -> None:
    """A token that cannot make a key of the suite says so."""
    with pytest.raises(KeyProviderError, match="mldsa65"):
        token.open().generate(suite("mldsa65"), "a")


def test_keys_that_are_not_there(token: TestToken) -> None:
    """Missing keys, other tokens' keys, and URIs without a key."""
    opened = token.open()
    for uri in (
        f"pkcs11:token={token.label};object=p256-sha256:none",
        f"pkcs11:token={token.label};id=%00",
        "pkcs11:token=other;object=p256-sha256:none",
    ):
        with pytest.raises(KeyNotFound):
            opened.open(uri)
    with pytest.raises(KeyProviderError, match="names no key"):
        opened.open(f"pkcs11:token={token.label}")


def test_keys_that_must_not_be_used(token: TestToken) -> None:
    """One that could be taken out, one without suite, two of one name, half a pair."""
    opened = token.open()
    opened.log_in()
    raw = pkcs11.lib(SOFTHSM).get_token(token_label=token.label)
    curve = {
        Attribute.EC_PARAMS: pkcs11.util.ec.encode_named_curve_parameters(
            oids.SECP256R1
        )
    }
    base = f"pkcs11:token={token.label};object="
    with raw.open(rw=True) as session:

        def make(label: str, *, loose: bool = False, id: bytes = b"1") -> None:
            domain = session.create_domain_parameters(KeyType.EC, curve, local=True)
            domain.generate_keypair(
                label=label,
                id=id,
                store=True,
                private_template={Attribute.EXTRACTABLE: loose},
            )

        make("p256-sha256:loose", loose=True)
        make("nameless", id=b"2")
        make("p384-sha384:other-size", id=b"3")
        for number in (b"4", b"5"):
            make("p256-sha256:twice", id=number)
        make("p256-sha256:half", id=b"6")
        for half in session.get_objects(
            {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.ID: b"6"}
        ):
            half.destroy()
    for name, reason in (
        ("p256-sha256:loose", "taken out"),
        ("nameless", "suite"),
        ("p384-sha384:other-size", "not of suite"),
        ("p256-sha256:twice", "2 keys"),
        ("p256-sha256:half", "public half"),
    ):
        with pytest.raises(KeyProviderError, match=reason):
            opened.open(base + name)
    assert opened.open(f"{base}p256-sha256:twice;id=%34").suite is P256


def test_a_wrong_pin_is_tried_once(token: TestToken) -> None:
    """However often a server signs, a wrong PIN uses up one try."""
    asked = []

    def wrong() -> str:
        asked.append(1)
        return "0000-0000"

    opened = token.open(wrong)
    for _ in range(3):
        with pytest.raises(TokenPINError, match="does not accept"):
            opened.log_in()
    assert len(asked) == 1
    token.open().log_in()


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (TokenFlag.USER_PIN_LOCKED, "locked"),
        (TokenFlag.USER_PIN_FINAL_TRY, "one try"),
    ],
)
def test_a_locked_pin_is_not_tried(
    token: TestToken, flag: TokenFlag, reason: str
) -> None:
    """A token that says so beforehand is not even asked; nor is the last try used."""
    token.set_flag(flag)
    asked = []

    def pin() -> str:
        asked.append(1)
        return PIN

    opened = token.open(pin)
    with pytest.raises(TokenPINError, match=reason):
        opened.generate(P256, "a")
    assert not asked
    assert opened.describe().label == token.label


def test_modules_that_are_none(tmp_path: Path) -> None:
    """A module that is missing, that is no library, or that is another library."""
    libc = next(Path("/lib").glob("*/libc.so.6"))
    text = tmp_path / "module.so"
    text.write_text("no library")
    for path, reason in (
        (tmp_path / "none.so", "no PKCS #11 module"),
        (text, "cannot be used"),
        (libc, "cannot be used"),
    ):
        with pytest.raises(KeyProviderError, match=reason):
            Token(parse_pkcs11_uri(f"pkcs11:token=a?module-path={path}"), lambda: PIN)
    for uri in ("pkcs11:token=a", f"pkcs11:?module-path={SOFTHSM}"):
        with pytest.raises(KeyProviderError, match="which module and token"):
            Token(parse_pkcs11_uri(uri), lambda: PIN)


def test_a_token_that_is_not_there(softhsm: SoftHSM) -> None:
    """The token's label is in the message, and the next step."""
    opened = Token(
        parse_pkcs11_uri(f"pkcs11:token=absent?module-path={SOFTHSM}"), lambda: PIN
    )
    with pytest.raises(TokenGone, match="absent") as gone:
        opened.log_in()
    assert "put the token back" in (gone.value.hint or "")


def test_two_tokens_of_one_label(softhsm: SoftHSM) -> None:
    """Which one is meant must be said; the serial number tells them apart."""
    one, _ = softhsm.new_token("twins"), softhsm.new_token("twins")
    with pytest.raises(KeyProviderError, match="2 tokens"):
        one.open().describe()
    serial = next(
        slot.get_token().serial.decode()
        for slot in pkcs11.lib(SOFTHSM).get_slots()
        if slot.get_token().label == "twins"
    )
    uri = f"pkcs11:token=twins;serial={serial}?module-path={SOFTHSM}"
    assert Token(parse_pkcs11_uri(uri), lambda: PIN).describe().serial == serial


def test_a_token_pulled_out_in_the_middle(token: TestToken) -> None:
    """It says so while it is away, and signs again once it is back."""
    signer = token.open().generate(P256, "a")
    other = token.open().open(signer.uri)
    assert other.sign(b"before")
    away = token.pull_out()
    for _ in range(2):
        with pytest.raises(TokenGone, match="token removed"):
            signer.sign(b"meanwhile")
    token.put_back(away)
    for each in (signer, other):
        signature = each.sign(b"after")
        algorithm = each.suite.algorithm_identifier
        assert verify_signature(each.public_key, algorithm, signature, b"after")


def test_a_key_deleted_in_the_middle(token: TestToken) -> None:
    """And one that was replaced by another of its name: neither signs."""
    opened = token.open()
    signer = opened.generate(P256, "a")
    token.delete_objects()
    with pytest.raises(TokenGone):
        signer.sign(b"message")
    again = opened.generate(P256, "a")
    assert again.sign(b"message")
    with pytest.raises(TokenGone, match="another key"):
        signer.sign(b"message")


def test_threads_sign_at_the_same_time(token: TestToken) -> None:
    """Every signature is of its own message, also while sessions are closed."""
    one, two = token.open(), token.open()
    signer = one.generate(P256, "a")
    signers = [signer, two.open(signer.uri)]
    algorithm = P256.algorithm_identifier

    def work(number: int) -> bool:
        message = b"%d" % number
        if number % 25 == 0:
            one.close()
        signature = signers[number % 2].sign(message)
        return verify_signature(signer.public_key, algorithm, signature, message)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(200)))


def test_a_keyring_on_a_token(token: TestToken, tmp_path: Path) -> None:
    """It makes keys there, and still opens those that were made in files before."""
    files = FileKeyring(tmp_path, lambda: "correct horse battery staple")
    old, _ = files.generate(P256, "old")
    keyring = TokenKeyring(token.open(), files)
    new, signer = keyring.generate(P256, "new")
    assert keyring.open(new) is signer
    assert TokenKeyring(token.open()).open(new).public_key == signer.public_key
    assert keyring.open(old).sign(b"message")
    with pytest.raises(KeyNotFound):
        TokenKeyring(token.open()).open(old)
    with pytest.raises(KeyNotFound, match="on a token"):
        files.open(new)
    with pytest.raises(KeyProviderError, match="cannot name"):
        keyring.generate(P256, "../a")
