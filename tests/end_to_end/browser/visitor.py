"""Windows of a real browser, every one of them watched."""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

WAIT_MILLISECONDS = 15_000

# The button that runs the chosen action on the selected rows.
RUN_ACTION = "#changelist-actions button[type=submit], #changelist-form button[name=index]"
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""


# Tables that are wider than their place: on a phone they are lists of their rows. First, all
# that is folded away is opened.
SIDEWAYS = """() => [...document.querySelectorAll("details")].map((each) => (each.open = true)) &&
    [...document.querySelectorAll("table")]
    .filter((each) => each.checkVisibility())
    .flatMap((each) => {
        let box = each.parentElement;
        const scrolls = () => ["auto", "scroll"].includes(getComputedStyle(box).overflowX);
        while (!scrolls() && box.parentElement) box = box.parentElement;
        return box.scrollWidth > box.clientWidth + 1 ? [`${each.id} ${each.className}`] : [];
    })"""


@dataclass
class Visitor:
    """Opens windows of a browser, and remembers what went wrong in any of them."""

    browser: Browser
    base_url: str
    problems: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(
        self,
        user: Any = None,
        *,
        language: str = "en",
        scheme: str = "light",
        width: int = 1280,
        height: int = 900,
    ) -> Page:
        """A window of its own, logged in as ``user``."""
        context = self.browser.new_context(
            base_url=self.base_url,
            color_scheme=scheme,  # type: ignore[arg-type]
            locale=language,
            viewport={"width": width, "height": height},
        )
        context.set_default_timeout(WAIT_MILLISECONDS)
        context.add_init_script(REPORT_VIOLATIONS)
        self.contexts.append(context)
        if user is not None:
            context.add_cookies([self._session_of(user)])
        page = context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("response", self._on_response)
        return page

    def listen(self) -> None:
        """Wait for what pages have still to say."""
        for context in self.contexts:
            for page in context.pages:
                page.wait_for_timeout(100)

    def forget(self, url: str) -> None:
        """That a page is refused is right."""
        self.listen()
        self.problems[:] = [each for each in self.problems if not each.startswith(f"{url}: ")]

    def _session_of(self, user: Any) -> Any:
        client = Client()
        client.force_login(user)
        name = django_settings.SESSION_COOKIE_NAME
        return {"name": name, "value": client.cookies[name].value, "url": self.base_url}

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(f"{message.location.get('url')}: {message.text}")

    def _on_response(self, response: Any) -> None:
        if response.status >= 400:
            self.problems.append(f"{response.url}: {response.status}")


def goto(page: Page, path: str) -> Page:
    """Open a page and wait until it is drawn."""
    response = page.goto(path)
    assert response is not None
    assert response.status == 200, (path, response.status)
    return wait_until_drawn(page)


def wait_until_drawn(page: Page) -> Page:
    """Wait until a page has loaded, its scripts have started, and what they made is drawn.

    What they ask the server for comes when it comes: ``expect`` waits for it. Playwright's
    ``networkidle`` does not say more, and now and then it never comes though all was answered.
    """
    page.wait_for_load_state("load")
    # The theme hides the page until its scripts have started.
    page.wait_for_selector("html:not([x-cloak])", state="attached")
    page.evaluate(DRAWN)
    return page


def fits(page: Page) -> bool:
    """Whether nothing makes the page wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
