"""The operator's page in a real browser, with a virtual card in its reader."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from jpki.cards.state import decode_state
from jpki.cli.supervisor import Supervisor
from jpki.errors import PINBlocked, PINError
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose
from jpki.service.workstation import write_workstation_file
from tests.support.cards import ISSUER_SECRET, MemoryImage, session_on
from tests.support.installation import COUNTER, Installation, running_installation
from tests.support.workstations import blank, chosen, short_lived, station_at

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "fonts-ja")]

SIGNATURE = Purpose.SIGNATURE
PASSWORD = "TSUKUBA1"


@dataclass
class Counter:
    """A workstation's process and the card in its reader."""

    site: Installation
    url: str
    file: Path

    @contextmanager
    def card(self) -> Iterator[MemoryImage]:
        """The card in one's hand for a while."""
        image = blank(self.site)
        image.content = self.file.read_bytes()
        yield image
        self.file.write_bytes(image.content)

    def insert_blank(self) -> None:
        """Put a new card into the reader."""
        self.file.write_bytes(blank(self.site).content)

    def opens(self, password: str) -> bool:
        """Whether the card takes this password."""
        with self.card() as image, session_on(image) as session:
            try:
                session.verify_pin(SIGNATURE, chosen(password))
            except (PINError, PINBlocked):
                return False
        return True


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """An installation whose certificates can be renewed at once, and one counter."""
    folder = tmp_path_factory.mktemp("counter")
    profiles = short_lived(folder / "profiles", days=60)
    with running_installation(folder / "site", profiles=profiles) as site:
        config, card = folder / "counter.toml", folder / "card.json"
        secret = write_workstation_file(
            config,
            site.settings,
            credential=site.layout.data / "credentials" / f"{COUNTER}.pem",
            card=str(card),
        )
        secret.write_bytes(ISSUER_SECRET)
        config.write_text(f"{config.read_text()}port = 0\n")
        card.touch(0o600)
        card.write_bytes(blank(site).content)
        with Supervisor(config, folder / "logs") as supervisor:
            supervisor.start("ca_server.counter")
            (server,) = supervisor.servers
            yield Counter(site=site, url=server.url, file=card)
            log = (folder / "logs" / "counter.log").read_text()
            assert PASSWORD not in log
            assert "Traceback" not in log


def _picture(page: Page, name: str) -> None:
    """Where a folder is named, what the page looks like goes there."""
    folder = os.environ.get("JPKI_TESTS_PICTURES")
    if folder is not None:
        page.screenshot(path=Path(folder) / f"counter-{name}.png", full_page=True)


def _look_up(page: Page, counter: Counter, resident: ResidentCode) -> None:
    page.goto(counter.url)
    page.get_by_label("住民票コード").fill(resident.digits)
    page.get_by_role("button", name="照会する").click()


def _choose(page: Page, first: str, second: str | None = None) -> None:
    page.get_by_label("暗証番号", exact=True).fill(first)
    page.get_by_label("暗証番号（もう一度）").fill(second or first)
    page.get_by_role("button").click()


def _issue(page: Page, counter: Counter, resident: ResidentCode) -> None:
    _look_up(page, counter, resident)
    page.get_by_role("button", name="新規発行を受け付ける").click()
    page.get_by_role("link", name="住民に操作を交代する").click()
    _choose(page, PASSWORD)
    page.get_by_role("button", name="カードを確認して交付を記録する").click()
    expect(page.get_by_role("heading", name="交付しました")).to_be_visible()


def test_a_certificate_is_issued(page: Page, counter: Counter) -> None:
    """From the code to the delivery; two passwords that differ are typed again."""
    counter.insert_blank()
    resident = counter.site.newcomer()
    page.goto(counter.url)
    expect(page.get_by_text("電子証明書なし")).to_be_visible()
    _picture(page, "home")
    _look_up(page, counter, resident)
    expect(
        page.get_by_text("この住民に発行された電子証明書はありません")
    ).to_be_visible()
    page.get_by_role("button", name="新規発行を受け付ける").click()
    expect(page).to_have_url(re.compile(r"/applications/[0-9a-f-]{36}$"))
    _picture(page, "filed")
    page.get_by_role("link", name="住民に操作を交代する").click()
    expect(page.get_by_text("住民の方だけが入力してください")).to_be_visible()
    expect(page.get_by_text(COUNTER)).to_be_hidden()
    _choose(page, PASSWORD, "TSUKUBA2")
    expect(page.get_by_role("alert")).to_contain_text("一致しません")
    expect(page.get_by_label("暗証番号", exact=True)).to_have_value("")
    _picture(page, "differ")
    _choose(page, "あいうえお")
    expect(page.get_by_role("alert")).to_contain_text("英数字4〜16文字")
    assert not decode_state(counter.file.read_bytes()).keys
    _choose(page, PASSWORD)
    _picture(page, "issued")
    expect(page.get_by_text("電子証明書あり")).to_be_visible()
    page.get_by_role("button", name="カードを確認して交付を記録する").click()
    expect(page.get_by_role("heading", name="交付しました")).to_be_visible()
    _picture(page, "delivered")
    assert counter.opens(PASSWORD)
    assert counter.site.live_application(resident) is None


def test_a_certificate_is_renewed(page: Page, counter: Counter) -> None:
    """In its last months it can be; the list then has the old one as superseded."""
    counter.insert_blank()
    resident = counter.site.newcomer()
    _issue(page, counter, resident)
    _look_up(page, counter, resident)
    page.get_by_role("button", name="更新を受け付ける").click()
    page.goto(counter.url)
    row = page.get_by_role("row").filter(has_text=f"•••• {resident.digits[-4:]}")
    expect(row).to_contain_text("更新")
    _picture(page, "list")
    row.get_by_role("link", name="続ける").click()
    page.get_by_role("link", name="住民に操作を交代する").click()
    _choose(page, "RENEWED9")
    page.get_by_role("button", name="カードを確認して交付を記録する").click()
    expect(page.get_by_role("heading", name="交付しました")).to_be_visible()
    assert counter.opens("RENEWED9")
    _look_up(page, counter, resident)
    expect(page.get_by_text("失効（更新）")).to_be_visible()
    _picture(page, "renewed")


def test_a_blocked_password_is_reset(page: Page, counter: Counter) -> None:
    """The page shows the block, the resident chooses anew, the card takes it."""
    counter.insert_blank()
    _issue(page, counter, counter.site.newcomer())
    for _ in range(5):
        assert not counter.opens("WRONG" + secrets.token_hex(3).upper())
    assert not counter.opens(PASSWORD)
    page.goto(counter.url)
    expect(page.get_by_text("暗証番号は閉塞しています")).to_be_visible()
    _picture(page, "blocked")
    page.get_by_role("link", name="暗証番号を再設定する").click()
    _choose(page, "ANEW7777")
    expect(page.get_by_role("heading", name="暗証番号を再設定しました")).to_be_visible()
    _picture(page, "reset")
    assert counter.opens("ANEW7777")


def test_a_card_is_surrendered(english_page: Page, counter: Counter) -> None:
    """Only by somebody who says to be sure; then card and certificate are gone."""
    page = english_page
    counter.insert_blank()
    resident = counter.site.newcomer()
    page.goto(counter.url)
    page.get_by_role("link", name="日本語").click()
    _issue_japanese(page, counter, resident)
    page.goto(counter.url)
    page.get_by_label("Resident record code").fill(resident.digits)
    page.get_by_role("button", name="Look up").click()
    page.get_by_text("Surrender of the card").click()
    take = page.get_by_role("button", name="Take the card back")
    take.click()
    # The browser itself holds the form back.
    expect(take).to_be_visible()
    assert decode_state(counter.file.read_bytes()).keys
    page.get_by_label("The resident wants to give the card back").check()
    _picture(page, "surrender")
    take.click()
    expect(page.get_by_role("heading", name="The card is taken back")).to_be_visible()
    assert not decode_state(counter.file.read_bytes()).keys
    (held,) = station_at(counter.site).client.holdings(resident).certificates
    assert held.reason == "cessationOfOperation"
    counter.site.check_books()


def _issue_japanese(page: Page, counter: Counter, resident: ResidentCode) -> None:
    """With the language of the address, which every link and form keeps."""
    page.get_by_label("住民票コード").fill(resident.digits)
    page.get_by_role("button", name="照会する").click()
    page.get_by_role("button", name="新規発行を受け付ける").click()
    page.get_by_role("link", name="住民に操作を交代する").click()
    _choose(page, PASSWORD)
    page.get_by_role("button", name="カードを確認して交付を記録する").click()
    expect(page.get_by_role("heading", name="交付しました")).to_be_visible()
