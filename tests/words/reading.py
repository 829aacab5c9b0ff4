"""What a reader sees of a page, and what in it no reader should see."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

from capital.domain.particles import is_open
from capital.exchange.venues import VENUES

# Attributes that are read out or shown.
_SHOWN = ("title", "aria-label", "placeholder", "alt")
_KOREAN = re.compile("[가-힣]")
_ENGLISH = re.compile(r"[A-Za-z]{3,}")
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|(?<!\{)\{\w*\}(?!\})|(?<![%\d])%[sd]\b")
# A figure as a column of the database has it; an amount has the digits of the currency behind it,
# which is whatever somebody entered.
_IDLE_ZEROS = re.compile(r"\d\.\d*0{4,}(?!\d| [^a-z가-힣])")
# What Django composes of a name that it begins with a capital letter.
_CAPITAL_WITHIN = re.compile(r"^(?:Add another|Save and add another) ([A-Z][a-z]+)")
# What has no other name in Korean: products, protocols, currencies, what is typed or sent.
_NAMES = (
    "aegis api authenticator binance bithumb bnb btc bybit capital ccxt coinbase command "
    "cron csv ctrl discord english esc eth freqtrade gate google gotify hmac http https "
    "hyperliquid json kraken krw kucoin ldap mac matrix microsoft ntfy okx passphrase "
    "password pem pnl post pushover roi slack sqlite sqn sso teams telegram tradingview "
    "upbit url usd usdt utc uuid xlsx"
)
NAMES = frozenset({*_NAMES.split(), *VENUES})


@dataclass
class Reading:
    """The texts of a page.

    Attributes:
        language: Of its ``html`` element.
        title: Of its window.
        texts: Everything else that is shown or read out, in its order.
        altered: Names of fields whose browser sends something else than was typed.
    """

    language: str = ""
    title: str = ""
    texts: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)

    def faults(self, language: str, names: frozenset[str] = NAMES) -> list[str]:
        """What is not in the reader's language, or not finished.

        Args:
            language: The reader's.
            names: Latin words that may stand in a Korean text, in small letters.
        """
        found = [] if self.language == language else [f"its language is {self.language!r}"]
        if not self.title.strip(" |"):
            found.append("it has no title")
        found += [f"a browser sends 15 where 1,5 is typed: {name}" for name in self.altered]
        for text in (self.title, *self.texts):
            found += faults_of(text, language, names)
        return found


def faults_of(text: str, language: str, names: frozenset[str] = NAMES) -> list[str]:
    """As of ``Reading.faults``, of one text."""
    shown = " ".join(text.split())
    found = []
    if is_open(shown):
        found.append(f"a particle in both forms: {shown}")
    if placeholder := _PLACEHOLDER.search(shown):
        found.append(f"{placeholder[0]} is not filled in: {shown}")
    if zeros := _IDLE_ZEROS.search(shown):
        found.append(f"idle zeros, {zeros[0]}: {shown}")
    if capital := _CAPITAL_WITHIN.search(shown):
        found.append(f"a capital letter within, {capital[1]}: {shown}")
    if language == "ko":
        words = [word for word in _ENGLISH.findall(shown) if word.lower() not in names]
        if words:
            found.append(f"English ({', '.join(words)}): {shown}")
    elif _KOREAN.search(shown.replace("한국어", "")):
        found.append(f"Korean: {shown}")
    return found


def read(html: str) -> Reading:
    """The texts of a page: neither markup, nor scripts, nor the names of drawn symbols."""
    reader = _Reader()
    reader.feed(html)
    return reader.reading


class _Reader(HTMLParser):
    _SKIPPED = frozenset({"script", "style", "code", "pre"})
    _VOID = frozenset({"input", "img", "br", "hr", "meta", "link", "source", "path", "wbr", "col"})

    def __init__(self) -> None:
        super().__init__()
        self.reading = Reading()
        self.skipped: list[bool] = []
        self.in_title = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "html":
            self.reading.language = given.get("lang", "")
        self.in_title = tag == "title" and not any(self.skipped)
        self.reading.texts += [given[name] for name in _SHOWN if given.get(name)]
        if tag == "input" and given.get("type") == "number":
            self.reading.altered.append(given.get("name", ""))
        if tag == "input" and given.get("type") in ("submit", "button"):
            self.reading.texts.append(given.get("value", ""))
        if tag not in self._VOID:
            symbol = "material-symbols-outlined" in given.get("class", "")
            other = bool(given.get("lang")) and tag != "html"
            self.skipped.append(symbol or other or tag in self._SKIPPED)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """As ``<br/>``: nothing stands in it."""
        self.handle_starttag(tag, attributes)
        if tag not in self._VOID:
            self.skipped.pop()

    def handle_endtag(self, tag: str) -> None:
        self.in_title = False
        if self.skipped and tag not in self._VOID:
            self.skipped.pop()

    def handle_data(self, data: str) -> None:
        if self.in_title:
            self.reading.title += data
        elif data.strip() and not any(self.skipped):
            self.reading.texts.append(data)


def report(found: Mapping[str, list[str]]) -> str:
    """Every fault with where it was found, for who is to mend it."""
    return "\n".join(f"{where}: {fault}" for where, faults in found.items() for fault in faults)
