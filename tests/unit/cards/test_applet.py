"""The JPKI application octet by octet, as OpenSC's driver and ISO expect it."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384
from cryptography.x509 import load_der_x509_certificate

from jpki.cards.applet import VirtualCard
from jpki.cards.counter import counter_cryptogram, counter_key
from jpki.cards.signing import digest_info
from jpki.cards.token import TokenInfo
from jpki.model.purposes import Purpose
from tests.support.cards import (
    AUTHENTICATION,
    ISSUER_SECRET,
    SERIAL,
    SIGNATURE,
    MemoryImage,
    blank_image,
    issued_image,
    session_on,
)

AP = "00a4040c0ad392f000260100000001"
VERIFY_SIGN = "00a4020c02001b", "0020008006414243313233"


def card_of(image: MemoryImage, *sent: str) -> VirtualCard:
    """The card of this memory with the application selected and these commands done."""
    card = VirtualCard(image)
    for command in (AP, *sent):
        assert ask(card, command) == "9000"
    return card


def ask(card: VirtualCard, command: str) -> str:
    return card.transmit(bytes.fromhex(command)).hex()


def counter(card: VirtualCard) -> None:
    """Win the counter's rights by raw commands."""
    challenge = card.transmit(bytes.fromhex("0084000010"))[:-2]
    answer = counter_cryptogram(counter_key(ISSUER_SECRET, SERIAL), challenge)
    assert ask(card, f"0082000020{answer.hex()}") == "9000"


@pytest.fixture
def card() -> VirtualCard:
    """A My Number card from the counter, application selected."""
    return card_of(issued_image("my-number"))


def test_nothing_before_select() -> None:
    """Without the application selected, only SELECT means anything."""
    card = VirtualCard(issued_image("my-number"))
    for command in ("00200080", "00b0000004", "0084000008", "0020009b"):
        assert ask(card, command) == "6985"
    assert ask(card, "00a4020c020006") == "6a82"
    assert ask(card, "00a4040c0ad392f000260100000002") == "6a82"
    assert ask(card, "00a4040c0ad3921000310001010499") == "6a82"
    assert ask(card, "00a4000c023f00") == "6a86"
    for command, answer in (
        ("00ff0000", "6d00"),
        ("40200080", "6e00"),
        ("00b2010400", "6985"),
    ):
        assert ask(card, command) == answer
    assert ask(card, AP) == "9000"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("00a4000c023f00", "6a86"),
        ("00a40400" + AP[8:], "6a86"),
        ("00a4020c029999", "6a82"),
        ("00a4020c0100", "6700"),
        ("00a4020c", "6700"),
        ("0020008000", "6986"),
        ("00b0000004", "6986"),
        ("00b08600a0", None),
        ("00b0860100", None),
        ("00b086a001", "6b00"),
        ("00b086ff01", "6b00"),
        ("00b09f0001", "6a82"),
        ("00b0e00001", "6a86"),
        ("00b0810004", "6982"),
        ("00b0970004", "6981"),
        ("00b09a0004", "6981"),
        ("00b09b0004", "6981"),
        ("00b08600", "6700"),
        ("0020009a", "6a88"),
        ("00200098", "63c3"),
        ("0020009b", "63c5"),
        ("0020019b", "6a86"),
        ("0020001b", "6a86"),
        ("0020009b11" + "41" * 17, "6700"),
        ("0024019b06414243343536", "6982"),
        ("0024009b06414243343536", "6a86"),
        ("802a009a023000", "6982"),
        ("802a009700", "6700"),
        ("802a0697023000", "6a86"),
        ("802a0098023000", "6a88"),
        ("002a0097023000", "6e00"),
        ("80b0000004", "6e00"),
        ("20200080", "6e00"),
        ("ffa4040c", "6e00"),
        ("00ff0000", "6d00"),
        ("80e20000", "6d00"),
        ("0047809a020800", "6982"),
        ("002c029b06414243343536", "6982"),
        ("00d681000230", "6700"),
        ("00d681000130", "6982"),
        ("00440000", "6982"),
        ("0082000020" + "00" * 32, "6985"),
        ("0084000000", None),
        ("00840000", "6700"),
        ("0084010008", "6a86"),
        ("00c0000000", "6985"),
        ("00c0000001aa", "6700"),
        ("80c0000000", "6e00"),
        ("00c0010000", "6a86"),
        ("", "6700"),
        ("00", "6700"),
        ("0020", "6700"),
    ],
)
def test_status_words(card: VirtualCard, command: str, answer: str | None) -> None:
    """Each misuse has its status word; None stands for 9000 with data."""
    got = ask(card, command)
    if answer is None:
        assert got.endswith("9000")
        assert len(got) > 4
    else:
        assert got == answer


def test_retry_query_is_always_63cx(card: VirtualCard) -> None:
    """VERIFY without data tells the tries also after success (OpenSC PR 959)."""
    assert ask(card, "00a4020c02001b") == "9000"
    assert ask(card, "00200080") == "63c5"
    assert ask(card, "0020008006414243313233") == "9000"
    assert ask(card, "00200080") == "63c5"
    assert ask(card, "0020008006414243313234") == "63c4"
    assert ask(card, "00200080") == "63c4"


def test_wrong_pins_block(card: VirtualCard) -> None:
    """Three misses block the four-digit PIN: 63C2, 63C1, 63C0, then 6984 for good."""
    assert ask(card, "00a4020c020018") == "9000"
    for left in "210":
        assert ask(card, "002000800430303030") == f"63c{left}"
    assert ask(card, "002000800430303030") == "6984"
    assert ask(card, "002000800431323334") == "6984"
    assert ask(card, "00200080") == "63c0"


def test_a_miss_takes_the_right_away(card: VirtualCard) -> None:
    """A wrong PIN after a right one closes the certificate again."""
    for command in VERIFY_SIGN:
        assert ask(card, command) == "9000"
    assert ask(card, "00b0810002") == "30829000"
    assert ask(card, "002000800158") == "6a88"  # the certificate is current now
    assert ask(card, "0020009b0158") == "63c4"
    assert ask(card, "00b0810002") == "6982"


def test_selecting_again_forgets(card: VirtualCard) -> None:
    """Selecting the application, or power, ends every right that was won."""
    for command in VERIFY_SIGN:
        assert ask(card, command) == "9000"
    counter(card)
    assert ask(card, AP) == "9000"
    assert ask(card, "00b0810002") == "6982"
    assert ask(card, "00440000") == "6982"
    for command in VERIFY_SIGN:
        assert ask(card, command) == "9000"
    card.reset()
    assert ask(card, "00b0810002") == "6985"


def test_files_read_as_opensc_reads_them(card: VirtualCard) -> None:
    """Header of four octets, then chunks; what follows the certificate is FF."""
    assert ask(card, "00a4020c02000a") == "9000"
    header = card.transmit(bytes.fromhex("00b0000004"))
    assert header[:2] == b"\x30\x82"
    assert header[4:] == b"\x90\x00"
    size = 4 + int.from_bytes(header[2:4], "big")
    content = b""
    while len(content) < size + 64:
        p1, p2 = divmod(len(content), 256)
        content += card.transmit(bytes((0, 0xB0, p1, p2, 0)))[:-2]
    load_der_x509_certificate(content[:size])
    assert set(content[size:]) == {0xFF}
    assert ask(card, "00b00fff04") == "ff9000"
    assert ask(card, "00b0100001") == "6b00"
    assert ask(card, "00b07fff00") == "6b00"


def test_information_files(card: VirtualCard) -> None:
    """Token information and certificate presence are free to read."""
    raw = card.transmit(bytes.fromhex("00b08600a0"))[:-2]
    assert TokenInfo.parse(raw).serial == SERIAL
    assert ask(card, "00b0880003") == "8f8f009000"
    assert ask(card_of(blank_image("my-number")), "00b0880003") == "0000009000"
    assert ask(card_of(issued_image("juki")), "00b0880003") == "6a82"


def test_blank_card() -> None:
    """Without PIN and key nothing opens: 63C0, 6984, 6982, and FF for certificates."""
    card = card_of(blank_image("juki"))
    assert ask(card, "0020009b") == "63c0"
    assert ask(card, "0020009b0441414141") == "6984"
    assert ask(card, "802a009a023000") == "6982"
    assert ask(card, "00b0820004") == "ffffffff9000"


def holder_key(image: MemoryImage, purpose: Purpose) -> RSAPublicKey:
    session = session_on(image)
    if purpose is SIGNATURE:
        session.verify_pin(SIGNATURE, lambda: "ABC123")
    key = load_der_x509_certificate(session.read_certificate(purpose)).public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def test_signature_over_digest_info(card: VirtualCard) -> None:
    """A DigestInfo signed with either key verifies as PKCS#1 v1.5 with SHA-256."""
    info = digest_info("sha256", hashlib.sha256(b"message").digest())
    for fid, pin, purpose in (
        ("001a", ("001b", b"ABC123"), SIGNATURE),
        ("0017", ("0018", b"1234"), AUTHENTICATION),
    ):
        assert ask(card, f"00a4020c02{pin[0]}") == "9000"
        assert ask(card, f"00200080{len(pin[1]):02x}{pin[1].hex()}") == "9000"
        assert ask(card, f"00a4020c02{fid}") == "9000"
        answer = card.transmit(bytes.fromhex(f"802a0080{len(info):02x}{info.hex()}00"))
        assert (len(answer), answer[-2:]) == (258, b"\x90\x00")
        key = holder_key(issued_image("my-number"), purpose)
        key.verify(answer[:-2], b"message", padding.PKCS1v15(), SHA256())


def test_input_forms(card: VirtualCard) -> None:
    """P1 chooses verbatim, bare hash, wrapped hash or PSS; lengths are checked."""
    assert ask(card, "00a4020c020018") == "9000"
    assert ask(card, "002000800431323334") == "9000"
    key = holder_key(issued_image("my-number"), AUTHENTICATION)
    pss = padding.PSS(padding.MGF1(SHA256()), 32)
    digest = hashlib.sha256(b"message").digest()
    cases = [
        (2, digest, padding.PKCS1v15()),
        (3, b"message", padding.PKCS1v15()),
        (4, digest, pss),
        (5, b"message", pss),
    ]
    for form, data, scheme in cases:
        command = f"802a{form:02x}97{len(data):02x}{data.hex()}00"
        signature = card.transmit(bytes.fromhex(command))[:-2]
        key.verify(signature, b"message", scheme, SHA256())
    command = "802a019707" + b"message".hex() + "00"
    signature = card.transmit(bytes.fromhex(command))[:-2]
    numbers = key.public_numbers()
    block = pow(int.from_bytes(signature, "big"), numbers.e, numbers.n)
    assert block.to_bytes(256, "big") == b"\0\1" + b"\xff" * 221 + b"\0" + digest
    assert ask(card, "802a0297021234") == "6700"
    assert ask(card, "802a0497021234") == "6700"
    assert ask(card, f"802a0097f5{'00' * 245}00").endswith("9000")
    assert ask(card, f"802a0097f6{'00' * 246}00") == "6700"


def test_early_chips_know_one_form() -> None:
    """The juki card signs a given DigestInfo, also SHA-1 with 1,024 bits."""
    image = issued_image("juki", "rsa1024-sha1")
    card = card_of(image, *VERIFY_SIGN)
    info = digest_info("sha1", hashlib.sha1(b"message").digest())
    signature = card.transmit(bytes.fromhex(f"802a009a23{info.hex()}00"))[:-2]
    assert len(signature) == 128
    key = holder_key(image, SIGNATURE)
    key.verify(signature, b"message", padding.PKCS1v15(), SHA1())
    assert ask(card, "802a039a023000") == "6a86"
    assert ask(card, f"802a009a76{'00' * 118}00") == "6700"


def test_the_next_card_signs_a_bare_digest() -> None:
    """48 octets of SHA-384 give r and s; the same ones give the same; nothing else."""
    image = issued_image("next-gen")
    card = card_of(image, "00a4020c020018", "002000800431323334")
    digest = hashlib.sha384(b"message").digest()
    command = f"802a009730{digest.hex()}00"
    plain = card.transmit(bytes.fromhex(command))[:-2]
    assert len(plain) == 96
    assert card.transmit(bytes.fromhex(command))[:-2] == plain
    certificate = session_on(image).read_certificate(AUTHENTICATION)
    key = load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    r, s = int.from_bytes(plain[:48]), int.from_bytes(plain[48:])
    key.verify(encode_dss_signature(r, s), b"message", ECDSA(SHA384()))
    assert ask(card, f"802a009720{digest[:32].hex()}00") == "6700"
    assert ask(card, f"802a039730{digest.hex()}00") == "6a86"


def test_the_next_card_makes_keys_on_its_curve() -> None:
    """GENERATE by 384 gives an uncompressed point; other sizes are refused."""
    card = card_of(blank_image("next-gen"))
    counter(card)
    assert ask(card, "0047809a020800") == "6a80"
    template = ask(card, "0047809a02018000")
    assert template.startswith("7f4963866104")
    assert template.endswith("9000")
    assert len(template) == 2 * (3 + 2 + 97 + 2)


def test_commands_come_in_parts(card: VirtualCard) -> None:
    """Chained by the class octet; another command in between ends the chain."""
    for begin, end in (("1020009b03414243", "0020009b03313233"),) * 2:
        assert ask(card, begin) == "9000"
        assert ask(card, end) == "9000"
    assert ask(card, "00b0810002") == "30829000"
    assert ask(card, "1020009b03414243") == "9000"
    assert ask(card, "0020009803313233") == "6883"
    assert ask(card, "0020009b03313233") == "63c4"
    assert ask(card, "1020009b03414243") == "9000"
    assert ask(card, "00c0000000") == "6985"
    assert ask(card, "0020009b03313233") == "63c3"
    info = digest_info("sha256", hashlib.sha256(b"message").digest())
    assert ask(card, "0020009b06414243313233") == "9000"
    assert ask(card, f"902a009a14{info[:20].hex()}") == "9000"
    made = card.transmit(
        bytes.fromhex(f"802a009a{len(info) - 20:02x}{info[20:].hex()}00")
    )
    whole = card.transmit(bytes.fromhex(f"802a009a{len(info):02x}{info.hex()}00"))
    assert made == whole
    part = "10d6810000" + f"{4000:04x}" + "00" * 4000
    assert [ask(card, part) for _ in range(3)] == ["9000", "9000", "6700"]
    old = card_of(issued_image("juki"))
    assert ask(old, "1020009b03414243") == "6e00"


def test_long_answers_are_fetched_in_parts(card: VirtualCard) -> None:
    """What Le does not cover waits for GET RESPONSE, until the next command."""
    assert ask(card, "00a4020c020018") == "9000"
    assert ask(card, "002000800431323334") == "9000"
    whole = card.transmit(bytes.fromhex("802a0397016d00"))[:-2]
    assert ask(card, "802a0397016d") == "6100"
    first = card.transmit(bytes.fromhex("00c0000064"))
    assert first[-2:] == bytes((0x61, 156))
    second = card.transmit(bytes.fromhex("00c0000000"))
    assert second[-2:] == b"\x90\x00"
    assert first[:-2] + second[:-2] == whole
    assert ask(card, "00c0000000") == "6985"
    assert ask(card, "802a0397016d") == "6100"
    assert ask(card, "00a4020c020006") == "9000"
    assert ask(card, "00c0000000") == "6985"


def test_change_pin(card: VirtualCard) -> None:
    """After VERIFY a new PIN of good form can be set, and only it opens then."""
    for command in VERIFY_SIGN:
        assert ask(card, command) == "9000"
    assert ask(card, "0024018006414243444546") == "6a80"
    assert ask(card, "00240180") == "6700"
    assert ask(card, "0024018006585958373839") == "9000"
    assert ask(card, "0020008006414243313233") == "63c4"
    assert ask(card, "0020008006585958373839") == "9000"


def test_counter_needs_a_fresh_challenge_and_the_right_key(card: VirtualCard) -> None:
    """A challenge serves once; short ones and other issuers' answers do not do."""
    key = counter_key(ISSUER_SECRET, SERIAL)
    challenge = card.transmit(bytes.fromhex("0084000010"))[:-2]
    right = counter_cryptogram(key, challenge).hex()
    wrong = counter_cryptogram(counter_key(b"other", SERIAL), challenge).hex()
    assert ask(card, f"0082000020{wrong}") == "6300"
    assert ask(card, f"0082000020{right}") == "6985"
    short = card.transmit(bytes.fromhex("0084000008"))[:-2]
    answer = counter_cryptogram(key, short).hex()
    assert ask(card, f"0082000020{answer}") == "6985"
    counter(card)
    assert ask(card, f"0082000020{right}") == "6985"
    assert ask(card, "00440000") == "6982"


def test_counter_writes_certificates_at_once(card: VirtualCard) -> None:
    """Drafts appear on ACTIVATE FILE, and vanish when the application is left."""
    before = ask(card, "00b0820008")
    counter(card)
    assert ask(card, "00440000") == "6985"
    assert ask(card, "00d68200043082aabb") == "9000"
    assert ask(card, "00d6820602ccdd") == "9000"
    assert ask(card, "00b0820008") == before
    assert ask(card, "0044000001aa") == "6700"
    assert ask(card, "00440100") == "6a86"
    assert ask(card, "00440000") == "9000"
    assert ask(card, "00b0820009") == "3082aabbffffccddff9000"
    assert ask(card, "00d682000411111111") == "9000"
    assert ask(card, AP) == "9000"
    counter(card)
    assert ask(card, "00440000") == "6985"
    assert ask(card, "00b0820004") == "3082aabb9000"


def test_counter_writes_nothing_else(card: VirtualCard) -> None:
    """Keys, PINs and token information cannot be written; files have an end."""
    counter(card)
    for sfi in ("97", "9a", "9b", "86", "88"):
        assert ask(card, f"00d6{sfi}000100") == "6981"
    assert ask(card, "00a4020c020002") == "9000"
    assert ask(card, "00d60fff0100") == "9000"
    assert ask(card, "00d60fff020000") == "6a84"
    assert ask(card, "00d67fff0100") == "6a84"
    assert ask(card, "00d60000") == "6700"


def test_key_generation() -> None:
    """A new key drops the old certificate; sizes that the chip lacks are refused."""
    card = card_of(issued_image("juki", "rsa1024-sha1"), *VERIFY_SIGN)
    assert ask(card, "00b0810002") == "30829000"
    counter(card)
    assert ask(card, "0047809a021000") == "6a80"
    assert ask(card, "0047809a0100") == "6700"
    assert ask(card, "0047009a020400") == "6a86"
    assert ask(card, "0047809b020400") == "6a88"
    template = ask(card, "0047809a02040000")
    assert template.startswith("7f498188818180")
    assert template.endswith("82030100019000")
    assert ask(card, "00b0810002") == "ffff9000"


def test_counter_sets_the_pin() -> None:
    """The counter lets the holder choose a PIN, which also lifts a block."""
    card = card_of(issued_image("juki", "rsa1024-sha1"))
    for left in "43210":
        assert ask(card, "0020009b0158") == f"63c{left}"
    counter(card)
    assert ask(card, "002c029b0158") == "6a80"
    assert ask(card, "002c009b0441424344") == "6a86"
    assert ask(card, "002c029b0441424344") == "9000"
    assert ask(card, "0020009b") == "63c5"
    assert ask(card, "0020009b0441424344") == "9000"
