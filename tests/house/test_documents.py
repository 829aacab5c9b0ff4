"""What the documents list is what there is."""

import ast
import pydoc
import re
import tomllib
from pathlib import Path

import ccxt
import pytest
from django.apps import apps
from django.core.management import get_commands

from capital.api.frame.problems import STATUS
from capital.domain.errors import SizingError
from capital.domain.reasons import Code
from capital.exchange.venues import VENUES
from capital.models import AlertKind
from capital.services.jobs.table import JOBS
from tests.house.catalogue import read
from tests.house.documents import (
    anchors_of,
    codes_in,
    documents,
    dotted_modules_in,
    links_of,
    paths_in,
    table,
    text_of,
)
from tests.house.rules import RULES
from tests.paths import ROOT

OUR_APPS = {"capital", "strategies", "capital_project"}
EACH_DOCUMENT = pytest.mark.parametrize(
    "document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix()
)


def listed(heading: str) -> list[str]:
    """What the README's table has in its first column."""
    return [code for row in table(text_of("README.md"), heading) for code in codes_in(row[0])]


def settings_that_are_read() -> dict[str, list[ast.expr]]:
    """Names with which the project's modules ask the environment, and with which default.

    Whatever asks is called with the name first: ``_whole_number("Q_WORKERS", …)``.
    """
    return {
        call.args[0].value: [
            *call.args[1:2],
            *(each.value for each in call.keywords if each.arg == "default"),
        ]
        for module in (ROOT / "capital_project").glob("*.py")
        if module.name != "settings_test.py"
        for call in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and not (isinstance(call.func, ast.Attribute) and call.func.attr == "setdefault")
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and re.fullmatch(r"[A-Z][A-Z0-9_]+", call.args[0].value)
    }


def test_every_setting_is_in_the_readme_once() -> None:
    assert sorted(listed("variable")) == sorted(settings_that_are_read())


def test_every_plain_default_of_a_setting_is_the_readmes() -> None:
    """Those that follow from other settings are told in words."""
    told = {codes_in(row[0])[0]: row[1] for row in table(text_of("README.md"), "variable")}
    plain = {
        name: int(value) if isinstance(value, bool) else value
        for name, defaults in settings_that_are_read().items()
        for value in (each.value for each in defaults if isinstance(each, ast.Constant))
        if value != ""
    }

    assert len(plain) > 25
    assert {name: f"`{value}`" for name, value in plain.items()} == {
        name: told[name] for name in plain
    }


def test_every_command_is_in_the_readme() -> None:
    """A command may have several forms: ``token create``, ``token list``."""
    ours = {name for name, app in get_commands().items() if app in OUR_APPS}
    # It runs before there are settings, so that manage.py itself knows it.
    ours.add("init")

    assert {form.split()[0] for form in listed("command")} == ours


def test_every_job_is_in_the_readme_once() -> None:
    assert sorted(listed("job")) == sorted(job.name for job in JOBS)


@EACH_DOCUMENT
def test_list_of_venues_names_all_of_them(document: Path) -> None:
    """A line that names three venues or more one after the other is such a list."""
    known = set(ccxt.exchanges)
    for line in document.read_text(encoding="utf-8").splitlines():
        runs = re.findall(r"`\w+`(?:,? `\w+`){2,}", line)
        for names in map(codes_in, runs):
            if set(names) <= known:
                assert set(names) == set(VENUES), line


def test_every_venue_is_in_the_table_of_venues() -> None:
    text = text_of("docs/venues.md")

    assert [venue for venue in VENUES if f"`{venue}`" not in text] == []


@EACH_DOCUMENT
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in links_of(document):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


def permissions() -> set[str]:
    """They are written as things of a module are."""
    return {
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in (
            *(f"{verb}_{model._meta.model_name}" for verb in model._meta.default_permissions),
            *(codename for codename, _ in model._meta.permissions),
        )
    }


def modules() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in (*OUR_APPS, "tests", "benchmarks", "docs", "deploy")
        for path in (ROOT / folder).rglob("*.py")
    } | {"manage.py"}


def not_there(names: set[str]) -> list[str]:
    there = modules()
    return sorted(
        name for name in names if not any(f"/{path}".endswith(f"/{name}") for path in there)
    )


def test_every_module_that_the_architecture_names_is_there() -> None:
    named = paths_in(text_of("ARCHITECTURE.md"))

    assert named
    assert not_there(named) == []


@EACH_DOCUMENT
def test_every_module_that_a_document_names_is_there(document: Path) -> None:
    """But in the changelog, which tells of the past; recipes name modules of the reader, too."""
    named = paths_in(document.read_text(encoding="utf-8"))
    of_readers = {name for name in named if "NAME" in name or "whitebit" in name}

    assert document.name == "CHANGELOG.md" or not_there(named - of_readers) == []


@EACH_DOCUMENT
def test_everything_of_the_product_that_a_document_names_is_there(document: Path) -> None:
    named = dotted_modules_in(document.read_text(encoding="utf-8")) - permissions()

    assert sorted(name for name in named if pydoc.locate(name) is None) == []


def codes_of(tree: ast.AST) -> set[str]:
    """Codes that a piece of code names: ``Code.BELOW_STEP``."""
    return {
        Code[each.attr].value
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Name)
        and each.value.id == "Code"
        and each.attr in Code.__members__
    }


def raised_codes() -> dict[str, set[str]]:
    """By class of a refused order or report: with which codes it is made where."""
    found: dict[str, set[str]] = {each.__name__: set() for each in SizingError.__subclasses__()}
    for path in (ROOT / "capital").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                found.get(call.func.id, set()).update(codes_of(call))
    return found


def test_every_refusal_is_in_the_table_of_its_error() -> None:
    """Some are made with a code from elsewhere, such as why a link may not trade."""
    rows = table(text_of("docs/sizing.md"), "error")
    listed = {codes_in(error)[0]: codes_in(codes) for error, codes in rows}
    raised = raised_codes()
    statuses = {
        each.__name__: STATUS.get(each, STATUS[SizingError])
        for each in SizingError.__subclasses__()
    }

    assert statuses == {
        codes_in(error)[0]: int(re.findall(r"` (\d{3})\b", error)[0]) for error, _ in rows
    }

    assert listed.keys() == raised.keys()
    for error, codes in raised.items():
        assert sorted(codes - set(listed[error])) == [], error
    every = [code for codes in listed.values() for code in codes]
    assert sorted(code for code in every if code not in list(Code)) == []
    assert len(every) == len(set(every))


def test_every_code_of_a_sized_order_is_in_the_documents() -> None:
    text = text_of("docs/sizing.md") + text_of("docs/bots.md")
    # Of a paused strategy it is closing_only.
    made = {
        code
        for folder in ("domain", "services")
        for path in (ROOT / "capital" / folder / "sizing").glob("*.py")
        for code in codes_of(ast.parse(path.read_text(encoding="utf-8")))
    } - {Code.STRATEGY_PAUSED.value}

    assert Code.BELOW_STEP in made
    assert sorted(code for code in made if not re.search(rf"[`\"]{code}[`\"]", text)) == []


def test_every_kind_of_alert_is_in_its_table_once() -> None:
    listed = [code for row in table(text_of("docs/alerts.md"), "kind") for code in codes_in(row[0])]

    assert sorted(listed) == sorted(set(AlertKind.values) - {AlertKind.TEST.value})


def test_the_architecture_lists_the_subjects_of_services_from_the_top() -> None:
    (contract,) = [
        each
        for each in tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
        if each["name"] == "Inside services: subjects are layers"
    ]
    layered = [name for layer in contract["layers"] for name in layer.split(" | ")]
    subjects = [name for name in layered if (ROOT / "capital/services" / name).is_dir()]

    text = text_of("ARCHITECTURE.md").partition("**subjects in `services/`**")[2]
    assert codes_in(text.partition("A subject imports")[0]) == subjects


def test_every_rule_of_the_house_is_in_the_architecture() -> None:
    """``python -m tests.house.rules --markdown`` writes the list."""
    text = " ".join(text_of("ARCHITECTURE.md").split())

    assert [rule.name for rule in RULES if rule.says not in text] == []


def test_every_label_that_the_document_of_the_admin_quotes_is_somewhere_in_the_admin() -> None:
    """Between asterisks, with a capital letter: *Check connection*."""
    messages = " ".join(str(message.id) for message in read()).lower()
    text = text_of("docs/admin.md").replace("**", "")
    quoted = {
        label.strip()
        for label in re.findall(r"(?<![\w*])\*([A-Z][^*`]+)\*", text)
        for label in " ".join(label.split()).split("→")
    }

    assert len(quoted) > 40
    # Django's own: "Add %(name)s".
    assert {label for label in quoted if label.lower() not in messages} == {"Add account"}


# How the documents are read


def test_table_is_read_cell_by_cell() -> None:
    text = "| a | b |\n|---|---|\n| `x [--y a\\|b]` | one |\n| `z`, `w` | two |\n\n| `no` | |"

    assert table(text, "a") == [["`x [--y a\\|b]`", "one"], ["`z`, `w`", "two"]]
    with pytest.raises(AssertionError, match="no table"):
        table(text, "b")


def test_links_are_read_and_code_is_not(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text(
        'See [a](docs/a.md#the-way) and [b](https://b.example), <img src="c.png" alt="">.\n'
        "```\n[d](d.md)\n# no heading\n```\n## The way: `x` & y\n",
        encoding="utf-8",
    )

    assert list(links_of(document)) == ["docs/a.md#the-way", "c.png"]
    assert anchors_of(document) == {"the-way-x--y"}


def test_names_of_modules_are_read() -> None:
    text = "`services/a/b.py` and c.py, not d.pyc; `capital.tasks`, `django.db`, capital.x"

    assert paths_in(text) == {"services/a/b.py", "c.py"}
    assert dotted_modules_in(text) == {"capital.tasks"}
