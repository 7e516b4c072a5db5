"""Take the picture of the page for the README: the overview above the node view, 1280 pixels wide.

    python docs/images/take.py URL OUT.png [NODE]

URL is the page's address; NODE (``site/node``) is whose view is shown, without it that of the lowest health.
Needs Chromium and playwright; prints the size of the picture.
"""

from __future__ import annotations

import base64
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

WIDTH, TOP, BAR, BELOW = 1280, 455, 54, 690
ARGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
JOIN = """async ([top, below]) => {
  const image = async data => createImageBitmap(await (await fetch("data:image/png;base64," + data)).blob());
  const [a, b] = [await image(top), await image(below)];
  const size = {width: a.width, height: a.height + b.height};
  const canvas = Object.assign(document.createElement("canvas"), size);
  const paint = canvas.getContext("2d");
  paint.drawImage(a, 0, 0);
  paint.drawImage(b, 0, a.height);
  return canvas.toDataURL("image/png").split(",")[1];
}"""


def lowest(page: Page) -> str:
    """The address of the node with the lowest health on the overview."""
    cards = page.locator("a.card").all()
    if not cards:
        raise SystemExit("there is no node on the page yet: wait until one has reported")

    def health(n: int) -> float:
        text = cards[n].locator(".score").inner_text()
        return float(text) if text.isdigit() else 101.0

    address = cards[min(range(len(cards)), key=health)].get_attribute("href")
    assert address is not None
    return address.removeprefix("/node/")


def take(url: str, out: Path, node: str | None) -> int:
    """Write the picture to ``out``; gives its size in bytes."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium was not found: install it (Debian: apt install chromium)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(ARGS))
        page = browser.new_page(viewport={"width": WIDTH, "height": TOP})
        page.goto(url)
        page.wait_for_selector("a.card")
        node = node or lowest(page)
        page.wait_for_timeout(1500)
        top = page.screenshot()
        page.set_viewport_size({"width": WIDTH, "height": BAR + BELOW})
        page.goto(f"{url.rstrip('/')}/node/{node}")
        page.wait_for_function("document.querySelectorAll('.chart canvas').length > 3")
        page.wait_for_timeout(2500)
        below = page.screenshot(clip={"x": 0, "y": BAR, "width": WIDTH, "height": BELOW})
        blank = browser.new_page()
        joined = blank.evaluate(JOIN, [base64.b64encode(part).decode() for part in (top, below)])
        browser.close()
    out.write_bytes(base64.b64decode(joined))
    return out.stat().st_size


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    print(take(sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) == 4 else None), "bytes")
