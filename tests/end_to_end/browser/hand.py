"""A hand on a page that counts what it clicks: how far a task is away.

Whatever a task needs a click for is done by a ``Hand``: pressing a button or a link is one; going
into a field to type is one, but none where the cursor stands there already or the Tab key leads
there; and choosing from a list is two, to open it and to choose. What is pressed must be in sight
and within reach: playwright waits for that.
"""

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page

from tests.end_to_end.browser.visitor import wait_until_drawn


@dataclass
class Hand:
    """Does a task on a page, and counts.

    Attributes:
        page: Where the task begins: open it by ``goto`` before.
        clicks: How many it took until now.
    """

    page: Page
    clicks: int = 0

    def press(self, what: str | Locator, *, leads_to: str | None = None) -> None:
        """Click once.

        Args:
            what: The name of a button or a link on the page, or where it is.
            leads_to: The address that opens, as a pattern like ``**/change/``; None where the page
                stays.
        """
        self.clicks += 1
        target = self._named(what) if isinstance(what, str) else what
        if leads_to is None:
            target.click()
        else:
            # Also where the address is the same one as before.
            with self.page.expect_navigation(url=leads_to, wait_until="load"):
                target.click()
            wait_until_drawn(self.page)

    def type(self, field: str | Locator, text: str) -> None:
        """Write into a field, over what is there; a click, unless the cursor is in it."""
        target = self._field(field)
        if not target.evaluate("each => each === document.activeElement"):
            self.clicks += 1
            target.click()
        target.fill(text)

    def tab_and_type(self, field: str | Locator, text: str) -> None:
        """Go on by the Tab key to the next field, which must be this one, and write."""
        self.page.keyboard.press("Tab")
        target = self._field(field)
        assert target.evaluate("each => each === document.activeElement"), field
        target.fill(text)

    def choose(self, field: str | Locator, choice: str) -> None:
        """Choose from a list by what it says: one click opens it, another one chooses."""
        self.clicks += 2
        self._field(field).select_option(label=choice)

    def _named(self, name: str) -> Locator:
        # The sidebar's links begin with the name of their icon, and may end with a count.
        escaped = re.escape(name).replace("\\ ", " ")
        called = re.compile(rf"^([a-z_]+ )?{escaped}( \d+)?$")
        button = self.page.get_by_role("button", name=called)
        link = self.page.get_by_role("link", name=called)
        return button.or_(link).locator("visible=true").first

    def _field(self, field: str | Locator) -> Locator:
        return self.page.get_by_label(field, exact=True) if isinstance(field, str) else field
