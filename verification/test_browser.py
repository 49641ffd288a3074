"""The report of a hostile scan in a real browser: no script runs, nothing is asked for, nothing is complained of.

Needs Chromium (`make verify` installs it where it can, by verification/browser.sh) and Playwright's Python package.
"""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from hostile import IMAGE, REMOTE, SCRIPT, STYLE, SVG, TEMPLATE, write_hostile_case

from oxablate.protocol.run import run
from oxablate.report import report

pytestmark = pytest.mark.peer
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
POLICY = 'http-equiv="Content-Security-Policy"'


@pytest.fixture(scope="module")
def browser():
    """A browser without a window and without a network that matters: what it asks for is written down."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium found; run verification/browser.sh, or install it")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        # without its sandbox, which a root user in a container cannot have; the pages are our own
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    """The report of a run on the hostile scan."""
    folder = tmp_path_factory.mktemp("browser")
    run(write_hostile_case(folder), folder / "out")
    return report(folder / "out")


def look(browser, path: Path) -> dict:
    """Open a page from its file; what ran, what was asked for, what was complained of, and what is to be read."""
    context = browser.new_context(java_script_enabled=True)
    tab = context.new_page()
    asked, stopped, said, errors = [], [], [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("requestfailed", lambda request: stopped.append(request.url) if "csp" in str(request.failure) else None)
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("dialog", lambda dialog: (errors.append("dialog"), dialog.dismiss()))
    tab.goto(path.as_uri())
    tab.wait_for_timeout(500)
    found = {
        "pwned": tab.evaluate("() => window.__pwned"),
        "scripts": tab.evaluate("() => document.querySelectorAll('script, iframe, object, embed, svg').length"),
        "handlers": tab.evaluate(
            "() => [...document.querySelectorAll('*')]"
            ".filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length"
        ),
        "text": tab.inner_text("body"),
        "title": tab.title(),
        "pictures": tab.evaluate("() => [...document.images].map(i => i.naturalWidth > 0)"),
    }
    context.close()
    return found | {
        "asked": asked,
        "sent": [url for url in asked if url not in stopped],
        "stopped": stopped,
        "said": said,
        "errors": errors,
    }


def test_the_report_of_a_hostile_scan_only_shows(browser, page):
    found = look(browser, page)
    assert found["pwned"] is None and found["scripts"] == 0 and found["handlers"] == 0
    assert [url for url in found["asked"] if not url.startswith(("file://", "data:"))] == []
    assert [url for url in found["asked"] if url.startswith("file://")] == [page.as_uri()]
    assert found["said"] == [] and found["errors"] == []
    for words in (SCRIPT, IMAGE, SVG, REMOTE, TEMPLATE):
        assert words in found["text"], f"{words!r} cannot be read on the page"
    assert STYLE in found["title"] and TEMPLATE in found["title"]
    assert found["pictures"] and all(found["pictures"])


def test_without_escapes_the_policy_still_holds(browser, page, tmp_path):
    """Were a word ever to leave its place as text, the page's own policy stops what it would start."""
    broken = tmp_path / "broken.html"
    broken.write_text(page.read_text().replace("<main>", f"<main>{SCRIPT}{SVG}{REMOTE}<img src=x onerror='__pwned=1'>"))
    found = look(browser, broken)
    assert found["scripts"] > 0 and found["pwned"] is None
    assert [url for url in found["sent"] if not url.startswith(("file://", "data:"))] == []
    assert found["stopped"] and found["said"], "the browser says what it stopped"


def test_without_policy_and_escapes_it_is_seen(browser, page, tmp_path):
    """The test can fail: the same words on a page without either run, ask, and are found out."""
    open_page = tmp_path / "open.html"
    text = page.read_text().replace(POLICY, 'http-equiv="nothing"')
    open_page.write_text(text.replace("<main>", f"<main>{SCRIPT}{REMOTE}"))
    found = look(browser, open_page)
    assert found["pwned"] == 1 and any(url.startswith("http:") for url in found["sent"])
