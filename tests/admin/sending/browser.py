"""The forms of a page, and what a browser sends for them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_BUTTONS = ("submit", "image")
_UNSENT = ("button", "reset", "file")


@dataclass
class Form:
    """One form of a page.

    Attributes:
        action: Where it leads, as it is written.
        method: In small letters.
        sent: What is sent of it untouched, but for a button.
        buttons: What each button that sends it is called, what it adds, and its own address.
        choices: Every value of each choice.
        ticks: The keys of a list's rows that can be ticked.
    """

    action: str
    method: str
    sent: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str, str | None]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    ticks: list[str] = field(default_factory=list)


def forms_of(html: str) -> list[Form]:
    """All forms of a page, with the fields that stand elsewhere and name them."""
    reader = _Reader()
    reader.feed(html)
    for name, tag, given in reader.elsewhere:
        if name in reader.named:
            _take(reader.named[name], tag, given)
    return reader.forms


def presses(form: Form) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """Each way to send it: what it is called, what it adds, and an address other than the form's.

    Of a list's form each action is one, with its first row.
    """
    if actions := [name for name in form.choices.get("action", []) if name]:
        for name in actions:
            yield f"action={name}", {"action": name, "_selected_action": form.ticks[:1]}, None
        return
    for name, value, address in form.buttons:
        # Of what a row is called by, another row has another one.
        shown = value if value and not value.isdecimal() else ""
        yield f"{name}={shown}" if shown else name, {name: value} if name else {}, address


def _take(form: Form, tag: str, given: dict[str, str]) -> None:
    name, kind = given.get("name", ""), given.get("type", "")
    if "disabled" in given:
        return
    if tag == "button" or kind in _BUTTONS:
        if kind not in _UNSENT:
            form.buttons.append((name, given.get("value", ""), given.get("formaction")))
    elif name == "_selected_action":
        form.ticks.append(given["value"])
    elif name and kind not in _UNSENT:
        if kind in ("checkbox", "radio") and "checked" not in given:
            return
        default = "on" if kind in ("checkbox", "radio") else ""
        form.sent.setdefault(name, []).append(given.get("value", default))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.named: dict[str, Form] = {}
        self.elsewhere: list[tuple[str, str, dict[str, str]]] = []
        self.form: Form | None = None
        self.select: tuple[str, list[str], list[str]] | None = None
        self.is_one = True
        self.text: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self.form)
            if "id" in given:
                self.named[given["id"]] = self.form
        elif tag == "select" and given.get("name"):
            self.select, self.is_one = (given["name"], [], []), "multiple" not in given
        elif tag == "option" and self.select:
            self.select[1].append(given.get("value", ""))
            if "selected" in given:
                self.select[2].append(given.get("value", ""))
        elif tag == "textarea":
            self.text = {**given, "value": ""}
        elif tag in ("input", "button"):
            self._hold(tag, given)

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text["value"] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "textarea" and self.text is not None:
            # The first line break after the tag is none of the text.
            self._hold("textarea", {**self.text, "value": self.text["value"].removeprefix("\n")})
            self.text = None
        elif tag == "select" and self.select:
            name, values, selected = self.select
            if self.form:
                self.form.choices[name] = values
                self.form.sent[name] = selected or (values[:1] if self.is_one else [])
            self.select = None

    def _hold(self, tag: str, given: dict[str, str]) -> None:
        if "form" in given:
            self.elsewhere.append((given["form"], tag, given))
        elif self.form:
            _take(self.form, tag, given)
