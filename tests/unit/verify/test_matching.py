"""The four items against what an application says: fair, strict, and explained."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki import data
from jpki.errors import RequestError
from jpki.model.residents import Gender
from jpki.verify.matching import Claim, Comparison, compare_items, read_claim
from jpki.x509.basic_information import CertifiedAttributes

NAME = "高橋　花子"
ADDRESS = "茨城県つくば市大字研究学園一丁目１番地１　つくばハイツ１０１号"


def _certified(
    name: str = NAME,
    address: str = ADDRESS,
    name_flags: str | None = None,
    address_flags: str | None = None,
    born: str = "319800102",
) -> CertifiedAttributes:
    return CertifiedAttributes(
        name=name,
        name_substitutions=name_flags or "0" * len(name),
        gender=Gender.FEMALE,
        date_of_birth_text=born,
        date_of_birth=None,
        address=address,
        address_substitutions=address_flags or "0" * len(address),
    )


def _compare(certified: CertifiedAttributes, **items: str) -> Comparison:
    claim = read_claim(items)
    return compare_items(certified, claim, prefectures=data.prefectures())


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        "茨城県つくば市研究学園1丁目1番地1 つくばハイツ101号",
        "つくば市研究学園1-1-1 つくばハイツ101",
        "つくば市研究学園１－１－１つくばハイツ１０１",
        "茨城県つくば市大字研究学園一丁目一番地一　つくばハイツ101号",
        "つくば市研究学園１丁目１の１ つくばﾊｲﾂ101号室",
    ],
)
def test_an_address_in_another_form_is_the_same(address: str) -> None:
    """Numerals, hyphens, widths, spaces, 大字 and the prefecture do not matter."""
    found = _compare(_certified(), address=address)
    assert found.matches, found.text("en")
    assert bool(found.items[0].forms) == (address != ADDRESS)


@pytest.mark.parametrize(
    "address",
    [
        "茨城県つくば市研究学園1丁目1番地2 つくばハイツ101号",
        "茨城県つくば市研究学園1丁目11 つくばハイツ101号",
        "茨城県つくば市研究学園1丁目1番地1 つくばハイツ102号",
        "茨城県つくば市研究学園1丁目1番地1",
        "茨城県つくば市研究学園1丁目1番地1 1 つくばハイツ01号",
        "東京都つくば市研究学園1丁目1番地1 つくばハイツ101号室の1",
        "つくば市学園研究1-1-1 つくばハイツ101",
    ],
)
def test_another_address_is_another(address: str) -> None:
    """A digit, a part left out, digits drawn together: told where they differ."""
    found = _compare(_certified(), address=address)
    assert not found.matches
    assert found.items[0].differences
    assert found.items[0].forms == ()


def test_numbers_are_not_drawn_together() -> None:
    """1-1 101 is neither 1-11 01 nor 1-1101."""
    certified = _certified(address="水戸市中央1-1 101")
    assert _compare(certified, address="水戸市中央１丁目１－１０１").matches
    for other in ("水戸市中央1-11 01", "水戸市中央1-1101", "水戸市中央11-101"):
        assert not _compare(certified, address=other).matches


def test_a_substitute_stands_for_any_one_character() -> None:
    """高 flagged stands for 髙, or for any other; not for none, nor for two."""
    certified = _certified(name_flags="10000")
    for name in ("髙橋 花子", "高橋花子", "𩸽橋　花子"):
        found = _compare(certified, name=name)
        assert found.matches
        assert found.items[0].substitutes == 1
    for name in ("橋花子", "高髙橋花子", "髙橋 華子"):
        assert not _compare(certified, name=name).matches
    assert not _compare(_certified(), name="髙橋 花子").matches


def test_what_the_register_keeps_apart_is_kept_apart() -> None:
    """No compatibility folding: U+FA19 is not U+795E."""
    assert not _compare(_certified(name="神　一"), name="\ufa19　一").matches
    # A variation selector only asks for a glyph.
    assert _compare(_certified(name="辻　一"), name="辻\U000e0100 一").matches


def test_foreign_names() -> None:
    """Letters of another width or case are the same letters."""
    certified = _certified(name="ＳＭＩＴＨ　ＪＯＨＮ")
    assert _compare(certified, name="Smith John").matches
    assert not _compare(certified, name="Smith Jon").matches
    assert _compare(_certified(name="ヴァガバンド"), name="ｳﾞｧｶﾞﾊﾞﾝﾄﾞ").matches


@pytest.mark.parametrize(
    "text",
    ["1980-01-02", "1980/1/2", "19800102", "1980年1月2日", "昭和55年1月2日", "S55.1.2"],
)
def test_dates_as_people_write_them(text: str) -> None:
    """Western and Japanese, in either width."""
    assert read_claim({"date_of_birth": text}) == Claim(date_of_birth=date(1980, 1, 2))
    wide = text.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789/-."})
    assert _compare(_certified(), date_of_birth=wide).matches
    assert not _compare(_certified(born="319800103"), date_of_birth=text).matches


def test_what_the_register_does_not_know_is_not_compared() -> None:
    """A month of 00 fits any month; a wrong year does not."""
    assert read_claim({"date_of_birth": "令和元年5月1日"}).date_of_birth == date(
        2019, 5, 1
    )
    certified = _certified(born="319800000")
    assert _compare(certified, date_of_birth="1980-07-31").matches
    assert not _compare(certified, date_of_birth="1981-07-31").matches
    assert not _compare(_certified(born="000000000"), date_of_birth="1980-1-1").matches


@pytest.mark.parametrize("text", ["女", "2", "２", "Female", "女性"])
def test_gender(text: str) -> None:
    """As a digit of JIS X 0303 or as a word."""
    assert _compare(_certified(), gender=text).matches
    other = _compare(_certified(), gender="男")
    assert not other.matches
    assert "証明書: 女、申請: 男" in other.text("ja")
    assert "certificate female, application male" in other.text("en")


@pytest.mark.parametrize(
    "items",
    [
        {"name": ""},
        {"name": 1},
        {"name": "あ" * 1001},
        {"gender": "x"},
        {"date_of_birth": "1980-13-01"},
        {"date_of_birth": "昭和"},
        {"mother": "x"},
    ],
)
def test_claims_that_cannot_be_read(items: dict[str, object]) -> None:
    """Refused with the name of the item."""
    with pytest.raises(RequestError, match=next(iter(items))):
        read_claim(items)


def test_nothing_compared_is_no_match() -> None:
    """An application that states nothing is not matched by everybody."""
    assert not compare_items(_certified(), Claim()).matches


def test_the_explanation_reads_well() -> None:
    """In both languages, and as JSON."""
    found = _compare(
        _certified(name_flags="10000"),
        name="髙橋花子",
        address="つくば市研究学園1-1-2つくばハイツ101",
        gender="男",
    )
    assert "「1」・申請「2」" in found.text("ja")
    assert "1 character(s)" in found.text("en")
    told = json.loads(json.dumps(found.to_json(), ensure_ascii=False))
    assert [item["matches"] for item in told["items"]] == [True, False, False]


_TEXT = st.text(
    st.sampled_from("一二十百丁目番地号の1２3-－ 　大字ヶがケアｱﾞ高髙市県茨城"),
    max_size=24,
)


@given(_TEXT.filter(lambda text: text.strip() != ""))
def test_everything_matches_itself(text: str) -> None:
    """Whatever the forms do to it."""
    certified = _certified(name=text, address=text)
    assert _compare(certified, name=text, address=text).matches


@given(_TEXT.filter(lambda text: text.strip() != ""), st.data())
def test_flags_never_forbid(text: str, draw: st.DataObject) -> None:
    """The text itself matches, whichever of its characters are flagged."""
    flags = st.lists(st.sampled_from("01"), min_size=len(text), max_size=len(text))
    certified = _certified(name=text, name_flags="".join(draw.draw(flags)))
    assert _compare(certified, name=text).matches
