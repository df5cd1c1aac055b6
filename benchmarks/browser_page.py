"""Measure the page without a server in headless Chromium: bytes, start, time, agreement.

    make web && python benchmarks/browser_page.py [my_photos] [--all]

It reads images one by one, by default the page's examples, alternating with `number_zoo` on one
thread: the number in each, or all numbers.
"""

from __future__ import annotations

import argparse
import base64
import functools
import http.server
import shutil
import statistics
import sys
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "web/dist"
EXAMPLES = ROOT / "number_zoo/server/static/gallery"
WEIGHTS = "conv_transformer_small.any10"
READ = """async ([text, all]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const image = new Blob([bytes]);
    const began = performance.now();
    const readings = all ? await readAllNumbers(image) : [await readNumber(image)];
    return [readings, performance.now() - began];
}"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def measure(images: list[bytes], turns: int, every: bool) -> None:
    """Open the page, read images, and print sizes and times."""
    import number_zoo

    reader = number_zoo.Reader(WEIGHTS, threads=1)
    read = reader.read_all if every else lambda image: [reader.read(image)]
    read(images[0])
    handler = functools.partial(Handler, directory=PAGE)
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(service_workers="block").new_page()
        sizes: list[int] = []
        page.on(
            "requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"])
        )
        began = time.perf_counter()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("#examples img")
        shown = time.perf_counter() - began
        texts = [base64.b64encode(image).decode() for image in images]
        page.evaluate(READ, [texts[0], every])
        ready = time.perf_counter() - began
        there, here, differences, same = [], [], [], 0
        for image, text in zip(images * turns, texts * turns, strict=True):
            readings, spent = page.evaluate(READ, [text, every])
            began = time.perf_counter()
            expected = read(image)
            here.append(1000 * (time.perf_counter() - began))
            there.append(spent)
            if [reading["number"] for reading in readings] == [one.number for one in expected]:
                same += 1
                pairs = zip(readings, expected, strict=True)
                differences += [abs(one["confidence"] - two.confidence) for one, two in pairs]
        browser.close()
        server.shutdown()
    browser_time, native = statistics.median(there), statistics.median(here)
    print(f"{sum(sizes) / 1e6:.1f} MB in {len(sizes)} files, without compression by the host")
    print(f"page shown after {shown:.1f} s, first image read after {ready:.1f} s")
    print(f"one image: {browser_time:.0f} ms ({min(there):.0f} – {max(there):.0f})")
    print(f"number_zoo: {native:.0f} ms; ratio {browser_time / native:.1f}")
    print(
        f"{same} of {len(there)} images are read as by number_zoo; "
        f"confidences differ by at most {max(differences, default=0):.4f}"
    )


def main() -> int:
    """Run the benchmark; returns its exit status."""
    sys.path.insert(0, str(ROOT))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("images", type=Path, nargs="?", default=EXAMPLES, help="folder of images")
    add("--limit", type=int, default=100, metavar="N", help="only the first N images")
    add("--all", action="store_true", help="read all numbers in each image")
    add("--turns", type=int, default=3, metavar="N", help="how often each image is read")
    options = parser.parse_args()
    if not (PAGE / "index.html").is_file():
        parser.error(f"{PAGE} has no page: run `make web` first")
    paths = sorted(path for path in options.images.iterdir() if path.suffix in (".jpg", ".png"))
    measure([path.read_bytes() for path in paths[: options.limit]], options.turns, options.all)
    return 0


if __name__ == "__main__":
    sys.exit(main())
