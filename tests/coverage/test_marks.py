"""Marked code tells the branches that coverage.py sees when it traces the same code."""

import json
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage, CoverageData

from tests.coverage.marks import Finder, Marks, compile_marked
from tests.paths import ROOT

SOURCE = '''
"""Every statement that parts ways."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress

if __name__ == "sample":
    NAME = 1
else:
    NAME = 2


@contextmanager
def around():
    """Says nothing."""
    try:
        yield
    finally:
        if NAME:
            pass


def choose(one):
    """Several ways."""
    if one == 1:
        found = "one"
    elif (
        one == 2
        or one == 3
    ):
        return {
            "two": 2
        }
    else:
        found = "more"
        if one > 9:
            found += "!"
    if one == 8:
        pass
    return found


def only(one):
    if one:
        one += 1


def loops(many, stop):
    for one in many:
        if one == stop:
            break
        if one % 2:
            continue
        for inner in range(one):
            if inner:
                stop -= 1
    else:
        stop = 0
    while stop > 0:
        stop -= 1
        if stop == 3:
            return stop
    while True:
        stop += 1
        if stop > 2:
            break
    for one in many:
        only(one)


def tried(what):
    try:
        if what == 1:
            raise ValueError
        elif what == 2:
            raise KeyError
        elif what == 3:
            return 3
    except ValueError:
        what = 4
    except KeyError:
        if what:
            what = 5
    else:
        what = 6
    finally:
        for _ in range(what):
            pass
    return what


def matched(what):
    match what:
        case 1 | 2:
            found = 1
        case [_, *_] if what[0]:
            found = 2
        case {"a": str(text)}:
            found = text
    with around(), suppress(UnboundLocalError):
        if found == 1:
            return found
    match what:
        case [3]:
            return 3
        case _:
            return 4


def within(what):
    def inner():
        while what:
            yield what
            if what == 2:
                return

    for number, one in enumerate(inner()):
        with around():
            if number > 2:
                break


async def later(what):
    async with asyncio.timeout(1):
        if what:
            await asyncio.sleep(0)
    if what:
        return 1


class Kept:
    @property
    @staticmethod
    def value():
        if NAME == 1:
            return 1
        return 2
'''

CALLS = (
    *(f"choose({one})" for one in (1, 2, 3, 5, 8, 11)),
    *(f"only({one})" for one in (0, 1)),
    *("loops([], 0)", "loops([1, 2, 3], 2)", "loops([4, 6, 9], 7)", "loops([0, 1], 9)"),
    *(f"tried({one})" for one in (0, 1, 2, 3)),
    *("matched(1)", "matched([5])", "matched([0])", "matched({'a': 'b'})", "matched([3])"),
    *(f"within({one})" for one in (0, 1, 2)),
    *(f"asyncio.run(later({one}))" for one in (0, 1)),
    "Kept.value.fget()",
)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.py"
    path.write_text(SOURCE)
    return path


def run(code: Any, names: dict[str, Any], calls: tuple[str, ...]) -> None:
    names["__name__"] = "sample"
    exec(code, names)
    for call in calls:
        exec(call, names)


def traced(sample: Path, calls: tuple[str, ...]) -> list[list[int]]:
    """The branches that are not entered, as coverage.py sees it."""
    kept = sample.with_name("traced")
    coverage = Coverage(data_file=str(kept), branch=True, config_file=False, include=[str(sample)])
    code = compile(SOURCE, str(sample), "exec")
    coverage.start()
    try:
        run(code, {}, calls)
    finally:
        coverage.stop()
        coverage.save()
    return missing(kept)


def marked(sample: Path, calls: tuple[str, ...]) -> list[list[int]]:
    """The branches that are not entered, as the marks tell."""
    marks = Marks()
    code = compile_marked(SOURCE.encode(), str(sample))
    run(code, marks.names(str(sample)), calls)
    kept = sample.with_name("marked")
    data = CoverageData(str(kept))
    data.add_arcs(marks.arcs())
    data.write()
    data.close()
    return missing(kept)


def missing(kept: Path) -> list[list[int]]:
    coverage = Coverage(data_file=str(kept), branch=True, config_file=False)
    coverage.load()
    told = kept.with_suffix(".json")
    coverage.json_report(outfile=str(told))
    coverage.get_data().close()
    (file,) = json.loads(told.read_text())["files"].values()
    found: list[list[int]] = file["missing_branches"]
    return found


@pytest.mark.parametrize("call", CALLS)
def test_what_one_call_enters_is_what_is_traced(sample: Path, call: str) -> None:
    found = marked(sample, (call,))

    assert found == traced(sample, (call,))
    assert found != marked(sample, ())


def test_what_all_calls_enter_is_what_is_traced(sample: Path) -> None:
    assert marked(sample, CALLS) == traced(sample, CALLS)


def test_code_does_the_same_with_marks(sample: Path) -> None:
    names: dict[str, Any] = Marks().names(str(sample))
    run(compile_marked(SOURCE.encode(), str(sample)), names, ())

    assert names["__doc__"] == "Every statement that parts ways."
    assert names["around"].__doc__ == "Says nothing."
    assert (names["choose"](2), names["choose"](11), names["tried"](2)) == ({"two": 2}, "more!", 5)
    assert (
        names["choose"].__code__.co_firstlineno == SOURCE.splitlines().index("def choose(one):") + 1
    )


def test_what_is_noted_while_it_does_not_count_is_forgotten(sample: Path) -> None:
    marks = Marks()
    names = marks.names(str(sample))
    run(compile_marked(SOURCE.encode(), str(sample)), names, ())
    before = marks.arcs()

    marks.stop()
    names["choose"](1)
    assert marks.arcs() == before

    marks.go_on()
    names["choose"](1)
    assert marks.arcs() != before


@pytest.fixture
def finder() -> Finder:
    return Finder(Marks(), ["capital.domain"], ["capital/domain/audit/*"])


def test_only_what_is_measured_is_marked(finder: Finder) -> None:
    path = [str(ROOT / "capital" / "domain")]

    found = {
        name: finder.find_spec(f"capital.{name}", path) for name in ("domain.money", "models.links")
    }

    assert found["models.links"] is None
    assert type(found["domain.money"].loader).__name__ == "Loader"  # type: ignore[union-attr]


def test_a_file_that_nothing_imports_is_measured_too(finder: Finder) -> None:
    files = finder.files()

    assert str(ROOT / "capital" / "domain" / "money.py") in files
    assert not [file for file in files if "/audit/" in file or "/services/" in file]
