"""When a browser first paints the citizen's page: each time anew with an empty cache, and then with a full one."""

import argparse
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.child import say

_WAIT_MS = 20_000
# Since the navigation began; the way over the provider is not in it.
_FIRST_PAINT = """
new Promise((done) => {
  const watch = (list) => list.getEntriesByName("first-contentful-paint").forEach((one) => done(one.startTime));
  new PerformanceObserver(watch).observe({ type: "paint", buffered: true });
})
"""


def _opened(browser: Browser, cookies: Any = None) -> Page:
    page = browser.new_context(storage_state=cookies, locale="zh-CN").new_page()
    page.set_default_timeout(_WAIT_MS)
    return page


def _signed_in(browser: Browser, address: str, name: str) -> Any:
    """Sign in once; return the cookies."""
    page = _opened(browser)
    page.goto(f"{address}/sign-in")
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_url(f"{address}/")
    cookies = page.context.storage_state()
    page.context.close()
    return cookies


def _paints_ms(browser: Browser, address: str, cookies: Any) -> tuple[float, float]:
    """Return when the page is painted in a new context, and when it is opened there again."""
    page = _opened(browser, cookies)
    times_ms = []
    for _ in range(2):
        page.goto(f"{address}/")
        # Whoever is not signed in is painted something else.
        page.wait_for_selector("#number")
        times_ms.append(float(page.evaluate(_FIRST_PAINT)))
    page.context.close()
    return times_ms[0], times_ms[1]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", required=True, help="where it is")
    parser.add_argument("--address", required=True, help="of the page")
    parser.add_argument("--name", required=True, help="of whom the provider lets sign in")
    parser.add_argument("--times", type=int, required=True)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        # Root has no sandbox in a container; the page is our own.
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        cookies = _signed_in(browser, options.address, options.name)
        paints = [_paints_ms(browser, options.address, cookies) for _ in range(options.times)]
        version = browser.version
        browser.close()
    say("done", version=version, cold_ms=[cold for cold, _ in paints], warm_ms=[warm for _, warm in paints])


if __name__ == "__main__":
    main()
