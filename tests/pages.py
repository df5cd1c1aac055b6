"""Pages in headless Chromium."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def watched_page(browser: Any, address: str, console: bool = True, **options: Any) -> Iterator[Any]:
    """Open the page at an address: nothing may go wrong in it, and nothing is requested elsewhere.

    Args:
        browser: the fixture of that name.
        address: its own requests begin with it.
        console: whether messages in the console are wrong.
        options: of the browser's context.
    """
    wrong = []

    def check(request: Any) -> None:
        if not request.url.startswith((address, "blob:", "data:")):
            wrong.append(request.url)

    with browser.new_context(**options) as context:
        context.on("request", check)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        if console:
            page.on("console", lambda message: wrong.append(message.text))
        page.goto(address)
        page.wait_for_selector("#examples img")
        yield page
    assert wrong == []
