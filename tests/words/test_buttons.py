"""Web pages speak of buttons, not of command lines: so no sentence of a reason names a command."""

import re
from pathlib import Path

from django.core.management import get_commands

from capital.domain.reasons import Code

# Said where a command is at work already, and nowhere else.
OF_COMMANDS = re.compile(r"^(ARCHIVE|BACKUP|DESK|RESTORE)_")


def named(text: str) -> set[str]:
    own = {name for name, app in get_commands().items() if app in ("capital", "capital_project")}
    own = {name for name in own if "_" in name}
    return {name for name in own if re.search(rf"\b{name}\b", text)} | (
        {"manage.py"} if "manage.py" in text else set()
    )


def test_reasons_name_no_command() -> None:
    told = {code.name: named(code.english) for code in Code if not OF_COMMANDS.match(code.name)}

    assert {name: commands for name, commands in told.items() if commands} == {}


def test_pages_name_no_command() -> None:
    texts = {
        path: named(re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", path.read_text()))
        for path in Path("capital/templates").rglob("*.html")
    }

    assert len(texts) > 50
    assert {path: commands for path, commands in texts.items() if commands} == {}
    assert named("Run sync_markets again, or manage.py.") == {"sync_markets", "manage.py"}
