"""A citizen signs in the browser: portal, signing agent and card, all of them real."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from examples.portal import create_app
from examples.portal.config import load
from jpki.cli.supervisor import free_ports
from jpki.verify import AtHand
from tests.support.agents import RunningAgent, resident_card, running_agent
from tests.support.browser import another, page_in
from tests.support.cards import PASSWORD
from tests.support.reference_pki import reference_pki
from tests.support.serving import served
from tests.support.verification import accepting, anchor_of, evidence, moment

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = [pytest.mark.needs("chromium", "fonts-ja"), pytest.mark.slow]

ERA = "jlis"
RECEIPT = re.compile("[A-Z2-7]{4}(-[A-Z2-7]{4}){3}")
STATEMENT = "住民票の写しを1通交付してください。\n<世帯全員> & 本籍の記載あり"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A portal whose residents have an agent on their machine."""

    portal: str
    agent: RunningAgent
    card: Path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Portal and agent, who know each other's address, and a card in the reader."""
    pki = reference_pki(ERA)
    (port,) = free_ports(1)
    card = resident_card(tmp_path / "card.json", pki)
    allowed = ("--allow-origin", f"http://127.0.0.1:{port}")
    at = ("--at", f"{moment(pki):%Y-%m-%dT%H:%M:%SZ}")
    with (
        running_agent(tmp_path / "agent", str(card), *allowed, *at) as agent,
        served(_portal(tmp_path, agent.url), port=port) as url,
    ):
        yield Site(portal=url, agent=agent, card=card)


def _portal(folder: Path, agent_url: str) -> Any:
    pki = reference_pki(ERA)
    (folder / "anchor.cer").write_bytes(anchor_of(pki).certificate)
    settings = {
        "agent_url": agent_url,
        "trust_anchors": ["anchor.cer"],
        "policies": sorted(accepting(pki).policies),
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    file = folder / "portal.toml"
    file.write_text(
        "\n".join(["[common]", f'era = "{ERA}"', "[portal]", *lines]), "utf-8"
    )
    return create_app(
        load(file), clock=lambda: moment(pki), evidence=AtHand(evidence(pki))
    )


def _applied(page: Page, site: Site) -> None:
    """The citizen fills in the form and presses the button."""
    page.goto(site.portal)
    page.locator("#statement").fill(STATEMENT)
    page.locator("#sign").click()


def _confirmation(page: Page, site: Site) -> Page:
    """The agent's window, as the citizen's browser opens it."""
    window = page.context.new_page()
    window.goto(site.agent.confirmation())
    return window


def test_a_citizen_signs_and_sends_in_one_step(page: Page, site: Site) -> None:
    """Wrong PIN, right PIN, who signs, signed: the portal accepts the application."""
    _applied(page, site)
    expect(page.locator("#progress")).to_contain_text("署名アプリの画面で")
    window = _confirmation(page, site)
    expect(window.locator(".origin")).to_have_text(site.portal)
    expect(window.locator("pre")).to_contain_text("&lt;世帯全員&gt; &amp; 本籍")
    expect(window.locator(".outline dd").last).to_have_text(STATEMENT)
    expect(window.locator("dl").last).to_contain_text("あと5回")
    window.locator("#pin").fill("XYZ999")
    window.get_by_role("button", name="次へ").click()
    expect(window.get_by_role("alert")).to_contain_text("あと4回続けて間違えると")
    expect(window.locator("dl").last).to_contain_text("あと4回")

    window.locator("#pin").fill(PASSWORD.lower())
    window.keyboard.press("Enter")
    expect(window.locator(".holder")).to_contain_text("東京都清瀬市")
    window.get_by_role("button", name="署名して送る").click()
    expect(window.get_by_role("status")).to_contain_text("署名しました")

    expect(page.locator(".verdict.valid h1")).to_have_text("申請を受け付けました")
    expect(page.locator(".number")).to_have_text(RECEIPT)
    expect(page.locator("main")).to_contain_text("東京都清瀬市")
    expect(page.locator(".statement")).to_have_text(STATEMENT)


def test_who_changes_their_mind_sends_nothing(english_page: Page, site: Site) -> None:
    """Cancelled in the window: the portal says so, and it can be tried again."""
    page = english_page
    _applied(page, site)
    window = _confirmation(page, site)
    expect(window.locator("h1")).to_have_text("Confirm your signature")
    window.get_by_role("button", name="Cancel").click()
    expect(window.get_by_role("alert")).to_contain_text("You cancelled")
    expect(page.locator("#progress")).to_have_text("You cancelled. Nothing was sent.")
    expect(page.locator("#sign")).to_be_enabled()
    page.locator("#sign").click()
    expect(_confirmation(page, site).locator("#pin")).to_be_visible()


def test_a_blocked_card_is_explained_on_both_sides(page: Page, site: Site) -> None:
    """Five wrong PINs: window and portal say what to do now."""
    _applied(page, site)
    window = _confirmation(page, site)
    for _ in range(5):
        window.locator("#pin").fill("WRONG1")
        window.get_by_role("button", name="次へ").click()
        window.wait_for_load_state()
    expect(window.get_by_role("alert")).to_contain_text("市区町村の窓口")
    expect(page.locator("#progress.failed")).to_contain_text("ロックされています")


def test_without_agent_or_script_all_is_as_before(
    chromium: Browser, page: Page, site: Site
) -> None:
    """Another origin, or no script: no button, but the way by files is there."""
    page.goto(site.portal.replace("127.0.0.1", "localhost"))
    expect(page.locator("#missing")).to_be_visible()
    expect(page.locator("#sign")).to_be_hidden()
    with chromium.new_context(java_script_enabled=False, locale="ja-JP") as context:
        plain = context.new_page()
        plain.goto(site.portal)
        expect(plain.locator("#sign")).to_be_hidden()
        expect(plain.locator("#missing")).to_be_hidden()
        plain.locator("#statement").fill(STATEMENT)
        with plain.expect_download() as download:
            plain.get_by_role("button", name="ダウンロード").click()
        assert download.value.suggested_filename == "application.xml"


def test_a_portal_from_the_network_needs_the_residents_leave(
    chromium: Browser, site: Site
) -> None:
    """Chromium asks before a public page reaches this machine."""
    public = f"--ip-address-space-overrides={urlsplit(site.portal).netloc}=public"
    with another(chromium, public) as outside:
        with page_in(outside) as page:
            page.goto(site.portal)
            expect(page.locator("#missing")).to_be_visible()
        with page_in(outside) as page:
            leave = ["local-network-access"]
            page.context.grant_permissions(leave, origin=site.portal)
            _applied(page, site)
            window = _confirmation(page, site)
            window.get_by_role("button", name="やめる").click()
            expect(page.locator("#progress")).to_contain_text("署名をやめました")


_EVIL = """\
<!DOCTYPE html><title>evil</title>
<iframe id="frame"></iframe>
<script>
async function tried(address, options) {
  try {
    const answer = await fetch(address, options);
    return answer.type + ":" + (await answer.text()).length;
  } catch (error) {
    return "blocked";
  }
}
</script>
"""


def _evil(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    return [_EVIL.encode()]


def test_another_page_neither_asks_nor_reads_nor_frames(
    chromium: Browser, page: Page, site: Site
) -> None:
    """Not even one that knows the address; the person goes on undisturbed."""
    _applied(page, site)
    address = site.agent.confirmation()
    post: dict[str, object] = {
        "method": "POST",
        "headers": {"Content-Type": "application/json"},
        "body": "{}",
    }
    plain: dict[str, object] = {}
    fetched: dict[str, object] = {"mode": "no-cors"}
    simple: dict[str, object] = {"method": "POST", "mode": "no-cors", "body": "{}"}
    form: dict[str, object] = {
        "method": "POST",
        "mode": "no-cors",
        "body": "token=0&act=cancel",
    }
    with (
        served(_evil) as url,
        chromium.new_context(locale="ja-JP") as context,
    ):
        evil = context.new_page()
        evil.goto(url.replace("127.0.0.1", "localhost"))
        for target, options in (
            (f"{site.agent.url}/status", plain),
            (f"{site.agent.url}/signatures", post),
            (address, plain),
        ):
            assert evil.evaluate("a => tried(...a)", [target, options]) == "blocked"
        for target, quiet in (
            (f"{site.agent.url}/signatures", simple),
            (f"{site.agent.url}/confirm", form),
            (address, fetched),
        ):
            found = evil.evaluate("a => tried(...a)", [target, quiet])
            assert found in ("blocked", "opaque:0")
        with evil.expect_event("requestfailed") as framed:
            evil.evaluate("a => { frame.src = a }", address)
        assert framed.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
        with evil.expect_popup() as popup:
            evil.evaluate("a => { window.open(a) }", address)
        expect(popup.value.get_by_role("alert")).to_be_visible()
        expect(popup.value.locator("#pin")).to_have_count(0)
    window = page.context.new_page()
    window.goto(address)
    window.locator("#pin").fill(PASSWORD)
    window.get_by_role("button", name="次へ").click()
    window.get_by_role("button", name="署名して送る").click()
    expect(page.locator(".verdict.valid h1")).to_have_text("申請を受け付けました")
