"""The page in a real browser: what somebody sees and does there."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from gateway.citizen.serve import others_log, served
from schemas.catalogue import Grade
from tests.gateway.citizen.world import LIN, World, a_read, a_receipt, copied, deployment
from tests.gateway.city import TODAY, City, an_event

pytestmark = pytest.mark.slow

# Debian's; Playwright's own browsers are not downloaded.
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
WAIT_MS = 10_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("JASMINE_REQUIRE_REAL"):
            pytest.fail("chromium is not installed, and JASMINE_REQUIRE_REAL is set: apt install chromium")
        pytest.skip("chromium is not installed: apt install chromium")
    with sync_playwright() as playwright:
        # Root has no sandbox in a container; the page is our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def history() -> list[object]:
    """Return what makes Lin an ordinary resident: 675 points."""
    return [
        an_event(LIN, "subject.registered", TODAY - 1_800),
        an_event(LIN, "capability.tenure.accrued", TODAY - 200, quantity=228),
        an_event(LIN, "capability.contribution.continuous", TODAY - 100, quantity=72),
        an_event(LIN, "capability.education.certified", TODAY - 1_800, grade=Grade.BACHELOR),
        an_event(LIN, "capability.qualification.granted", TODAY - 1_000, grade=Grade.SENIOR),
        *(an_event(LIN, "year.closed", TODAY - 327 - 365 * year) for year in range(5)),
        an_event(LIN, "library.loan.overdue", TODAY - 3),
        an_event(LIN, "traffic.penalty.imposed", TODAY - 120, grade=Grade.FINE_MINOR),
    ]


@pytest.fixture
def site(city: City, valkey: str, issuer: str) -> Iterator[tuple[World, str]]:
    """A page that is really served, and where."""
    world = World(city)
    world.happen(*history())  # type: ignore[arg-type]
    copied(valkey, *(a_read(number) for number in range(15)), a_receipt(3))
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    address = f"http://localhost:{port}"
    parts = deployment(valkey, issuer, address)
    with served(parts, others_log(world.publish, world), "localhost", port, clock=world.clock):
        yield world, address


def signed_in(browser: Browser, address: str, **options: object) -> Page:
    """Return a page on which Lin has signed in with one click at the provider."""
    page = browser.new_page(**options)  # type: ignore[arg-type]
    page.set_default_timeout(WAIT_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{address}/sign-in")
    page.get_by_role("button", name="lin", exact=True).click()
    page.wait_for_url(f"{address}/")
    assert faults == []
    return page


def keep(page: Page, name: str) -> None:
    """Keep a picture where CITIZEN_PICTURES says, for the documents."""
    if folder := os.environ.get("CITIZEN_PICTURES"):
        page.screenshot(path=Path(folder) / f"citizen-{name}.png")


def test_a_citizen_signs_in_and_sees_the_score_move_when_an_event_lands(
    browser: Browser, site: tuple[World, str]
) -> None:
    world, address = site
    page = signed_in(browser, address, locale="zh-CN")
    page.evaluate("window.isSamePage = true")
    before = page.inner_text("#number")
    world.happen(an_event(LIN, "library.loan.overdue", TODAY - 1, event_id="again"))
    expect(page.locator("#number")).to_have_text("669", timeout=WAIT_MS)

    assert before == "675"
    assert page.evaluate("window.isSamePage") is True
    assert "669" in page.inner_text("#section-why tfoot")
    assert page.text_content("#spoken") == "分数现为 669，良好。"
    page.close()


def test_a_reading_appears_on_the_open_page(browser: Browser, site: tuple[World, str], valkey: str) -> None:
    _, address = site
    page = signed_in(browser, address, locale="en-GB")
    copied(valkey, a_read(20, reader="city-library", purpose="culture"))

    expect(page.locator("#section-access li").first).to_contain_text("city-library", timeout=WAIT_MS)
    page.locator("#section-access").scroll_into_view_if_needed()
    keep(page, "access")
    page.close()


def test_a_dispute_can_be_reached_and_filed_with_the_keyboard_alone(browser: Browser, site: tuple[World, str]) -> None:
    world, address = site
    page = signed_in(browser, address, locale="en-GB")
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.className")
    page.keyboard.press("Enter")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id").startswith("dispute-"):
            break
    seen = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("Enter")
    page.wait_for_url("**/dispute")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "File the dispute":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(".notice")

    assert first == "skip"
    assert seen == "solid"
    assert page.inner_text(".notice") == "Your dispute is filed."
    assert [event.type.name for event in world.published] == ["record.disputed"]
    page.close()


def test_consent_is_withdrawn_and_given_again_with_the_keyboard_alone(
    browser: Browser, site: tuple[World, str]
) -> None:
    world, address = site
    page = signed_in(browser, address, locale="en-GB")
    page.locator("#section-consent").scroll_into_view_if_needed()
    keep(page, "consent")
    page.locator("#consent-scoring").press("Enter")
    page.wait_for_url("**/withdraw")
    page.get_by_role("button", name="Withdraw it").press("Enter")
    page.wait_for_selector(".notice")
    without = (page.inner_text("h1"), page.locator("#number").count(), page.evaluate(CONTRASTS))
    keep(page, "unconsented")
    page.locator("#consent-scoring").press("Enter")
    page.wait_for_url("**/give")
    page.get_by_role("button", name="Give it").press("Enter")
    expect(page.locator("#number")).to_have_text("675", timeout=WAIT_MS)

    assert without == ("You have withdrawn your consent", 0, [])
    assert [event.type.name for event in world.published] == ["consent.withdrawn", "consent.granted"]
    page.close()


def test_a_page_without_a_score_becomes_one_with_it_without_an_error(browser: Browser, site: tuple[World, str]) -> None:
    world, address = site
    world.happen(an_event(LIN, "consent.withdrawn", TODAY - 1, grade=Grade.SCORING))
    page = signed_in(browser, address)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    before = page.locator("#number").count()
    world.happen(an_event(LIN, "consent.granted", TODAY, grade=Grade.SCORING))
    expect(page.locator("#number")).to_have_text("675", timeout=WAIT_MS)

    assert (before, errors) == (0, [])
    page.close()


@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_nothing_is_wider_than_a_phone(browser: Browser, site: tuple[World, str], language: str) -> None:
    _, address = site
    phone = {"width": 360, "height": 780}
    page = signed_in(browser, address, viewport=phone, locale=language, is_mobile=True, device_scale_factor=2)
    page.locator("summary").evaluate_all("all => all.forEach(one => one.click())")
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    small = page.locator("a.button, button, summary, .tool").evaluate_all(
        "all => all.filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 44).length"
    )
    cut = page.locator("svg text").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect())"
        ".filter(one => one.left < 0 || one.right > innerWidth).length"
    )
    page.evaluate("scrollTo(0, 0)")
    if language == "zh-CN":
        keep(page, "phone")
    lines = page.locator(".brand span").evaluate(
        "one => one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).lineHeight)"
    )

    assert wider == 0
    assert cut == 0
    assert small == 0
    assert lines == 1
    page.close()


# The contrast of WCAG 2.2, of every text that is seen against what is behind it.
CONTRASTS = """
() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const wrong = [];
  for (const one of document.querySelectorAll("body *")) {
    const said = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!said || !one.checkVisibility()) continue;
    const style = getComputedStyle(one);
    const colour = one instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(colour), light(behind(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) wrong.push(`${one.tagName}.${one.className} ${ratio.toFixed(2)}`);
  }
  return wrong;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_in_light_and_in_dark(browser: Browser, site: tuple[World, str], scheme: str) -> None:
    _, address = site
    language = "zh-CN" if scheme == "light" else "en-GB"
    size = {"width": 1280, "height": 860}
    page = signed_in(browser, address, color_scheme=scheme, locale=language, viewport=size)
    keep(page, scheme)
    page.locator("summary").evaluate_all("all => all.forEach(one => one.click())")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert page.evaluate(CONTRASTS) == []
    assert (ground == "rgb(14, 21, 18)") is (scheme == "dark")
    page.close()


def test_light_or_dark_can_be_chosen_and_stays(browser: Browser, site: tuple[World, str]) -> None:
    _, address = site
    page = signed_in(browser, address, color_scheme="light", locale="en-GB")
    page.get_by_role("button", name="Light or dark").click()
    chosen = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()

    assert chosen == "rgb(14, 21, 18)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == chosen
    page.close()


def test_a_browser_finds_nothing_that_the_policy_forbids(browser: Browser, site: tuple[World, str]) -> None:
    _, address = site
    said: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    drawn = page.evaluate("document.querySelector('.bloom').getBBox().width")

    assert said == []
    assert drawn > 0
    page.close()


def test_signing_out_leads_to_the_provider_and_back(browser: Browser, site: tuple[World, str]) -> None:
    _, address = site
    page = signed_in(browser, address, locale="en-GB")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/oauth2/end_session?**")
    page.get_by_role("button", name="End session").click()
    page.wait_for_url(f"{address}/")

    assert page.get_by_role("link", name="Sign in").is_visible()
    assert page.context.cookies(address) == []
    page.close()


FIRST_PAINT = """
new Promise((done) => {
  const watch = (list) => list.getEntriesByName("first-contentful-paint").forEach((one) => done(one.startTime));
  new PerformanceObserver(watch).observe({ type: "paint", buffered: true });
})
"""


def test_the_first_paint_is_reported(browser: Browser, site: tuple[World, str]) -> None:
    _, address = site
    page = signed_in(browser, address)
    page.reload()
    paint_ms = page.evaluate(FIRST_PAINT)
    print(f"first paint of the score after {paint_ms:.0f} ms")  # noqa: T201 - pytest -rP shows it

    assert paint_ms > 0
    page.close()
