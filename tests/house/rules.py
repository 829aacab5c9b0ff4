"""Rules of the house that no linter knows: ``python -m tests.house.rules``, in ``make lint``.

ARCHITECTURE.md lists them. What breaks one is told with its place, the reason and the remedy.
"""

import ast
import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.house import source
from tests.paths import ROOT

PRODUCT = ("capital", "capital_project", "strategies")
HOUSE = (*PRODUCT, "tests", "docs", "benchmarks")
MONEY = ("capital/domain", "capital/services", "capital/models", "strategies")

MOST_FILES = 15
MOST_LINES = 50


@dataclass(frozen=True, order=True)
class Breach:
    """What breaks a rule, and where."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return ":".join([self.path, *([str(self.line)] if self.line else [])]) + f": {self.what}"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: Short, for whoever talks about it.
        says: The rule, one sentence.
        because: Why there is such a rule.
        remedy: What to do instead.
        find: Everything below a folder that looks like a breach.
        spared: Path and what is found there, where it is right; to be removed once it is gone.
    """

    name: str
    says: str
    because: str
    remedy: str
    find: Callable[[Path], Iterable[Breach]]
    spared: frozenset[tuple[str, str]] = frozenset()

    def breaches(self, root: Path = ROOT) -> list[Breach]:
        """What breaks it, in the order of the tree; what is spared for nothing breaks it too."""
        found = sorted(set(self.find(root)))
        spared_for_nothing = self.spared - {(breach.path, breach.what) for breach in found}
        return [breach for breach in found if (breach.path, breach.what) not in self.spared] + [
            Breach(path, 0, f"no longer has {what}, which this rule spares")
            for path, what in sorted(spared_for_nothing)
        ]


def in_modules(
    find: source.Finder, *folders: str, but: str | None = None
) -> Callable[[Path], Iterator[Breach]]:
    """Look through every module of these folders, migrations and the folder ``but`` left out."""

    def look(root: Path) -> Iterator[Breach]:
        for folder in folders:
            for module in sorted((root / folder).rglob("*.py")):
                path = module.relative_to(root).as_posix()
                if "migrations" in module.parts or (but and path.startswith(f"{but}/")):
                    continue
                yield from (Breach(path, line, what) for line, what in find(_parsed(module)))

    return look


@cache
def _parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def full_folders(root: Path) -> Iterator[Breach]:
    """Folders with more files than a reader takes in at once.

    Not those of commands and migrations: Django finds these in one folder only.
    """
    sizes = Counter(
        file.parent.relative_to(root).as_posix()
        for folder in HOUSE
        for file in (root / folder).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    )
    for folder, size in sizes.items():
        if size > MOST_FILES and not folder.endswith(("/management/commands", "/migrations")):
            yield Breach(folder, 0, f"{size} files")


RULES = (
    Rule(
        name="money is Decimal",
        says="No float touches money: neither the name nor a literal stands in domain, services,"
        " models or strategies.",
        because="A float keeps 15 to 17 digits and rounds without a word, so amounts would no"
        " longer add up.",
        remedy='Read amounts from text into Decimal where they arrive, and write Decimal("0.5").',
        find=in_modules(source.floats, *MONEY),
        spared=frozenset({("capital/models/columns/exact.py", source.GUARD)}),
    ),
    Rule(
        name="Python calculates",
        says="The database does not calculate: no Sum, F, Case or database function, no"
        " aggregate(), extra() or raw() in services, models or strategies.",
        because="SQLite adds in floats and PostgreSQL rounds a ninth decimal, both in silence.",
        remedy="Read the rows and calculate over Decimals in Python, best in capital/domain.",
        find=in_modules(source.database_arithmetic, *MONEY[1:]),
        # The first chooses among codes, which are words; the other compares two columns.
        spared=frozenset(
            (
                ("capital/services/allocation/records.py", "Case"),
                ("capital/services/allocation/records.py", "When"),
                ("capital/models/bounds.py", "F"),
            )
        ),
    ),
    Rule(
        name="the domain is pure",
        says="The domain imports itself, strategies.markets and those parts of the standard library"
        " that reach neither clock, chance nor world.",
        because="What decides about capital is to be tested, replayed and audited from its"
        " arguments alone.",
        remedy="Pass the value in, or do this part in a service that calls the domain.",
        find=in_modules(source.impure_imports, "capital/domain"),
    ),
    Rule(
        name="the clock is an argument",
        says="The domain never asks for the time: no now(), utcnow() or today().",
        because="The same inputs have to give the same decision when a run is replayed.",
        remedy="Take the time as an argument; the face or the service asks the clock.",
        find=in_modules(source.clock_calls, "capital/domain"),
    ),
    Rule(
        name="durations have their own clock",
        says="No duration is measured by the clock that people set: no moment of it plus a span, no"
        " difference of two moments.",
        because="Where it is set back ten minutes, a wait has no end and a limit refuses whoever"
        " comes.",
        remedy="Measure by steady_clock() or time.monotonic(). From the clock comes only the age of"
        " what is stored (now - row.observed_at), whose time may lie in the future.",
        find=in_modules(source.wall_clock_durations, *PRODUCT),
        spared=frozenset(
            {
                # Limits and pauses: callers pass moments of a clock that is never set.
                ("capital/exchange/politeness.py", "now + LONGEST_TRY"),
                ("capital/exchange/politeness.py", "now + min(wanted, LONGEST_RETRY_AFTER)"),
                ("capital/exchange/politeness.py", "now + pause"),
                # Which date it is elsewhere.
                ("capital/services/balances/summaries.py", "now + _CLOCK_SKEW"),
                # Since when is stored.
                ("capital/services/markets/guard.py", "now - since"),
                # Until when a reservation holds is stored.
                ("capital/domain/limits/reservations.py", "now + timedelta(seconds=seconds)"),
                # When a message is tried again is stored.
                ("capital/services/alerts/outbox.py", "now + pause"),
                # The queue stores until when a task is out.
                ("capital/services/jobs/schedules.py", "now + retry"),
                # Shown to people, of what is stored.
                ("capital/models/trading/trades.py", "self.closed_at - self.opened_at"),
                ("capital/admin/jobs/runs.py", "run.finished_at - run.started_at"),
                (
                    "capital/admin/strategies/answers.py",
                    "delivery.answer.answered_at - delivery.received_at",
                ),
            }
        ),
    ),
    Rule(
        name="strategies stand alone",
        says="Nothing in strategies imports capital.",
        because="A strategy is known without its capital; dependencies run down.",
        remedy="Let capital ask strategies, or move what both need to strategies.",
        find=in_modules(source.imports_of("capital"), "strategies"),
    ),
    Rule(
        name="one room for ccxt",
        says="Only modules of capital/exchange/ccxt import ccxt.",
        because="Its exceptions carry signatures and its amounts may be floats; both are mended in"
        " one place.",
        remedy="Ask through capital.exchange.contract and make what answers in"
        " capital/exchange/ccxt.",
        find=in_modules(source.imports_of("ccxt"), *PRODUCT, but="capital/exchange/ccxt"),
    ),
    Rule(
        name="tests are not imported",
        says="No module imports a test module or a conftest.",
        because="They are loaded by rules of pytest's own, and a test module that others need"
        " cannot be moved or left out.",
        remedy="Make it a fixture, or move it to an ordinary module beside those who use it.",
        find=in_modules(source.imports_of_tests, *PRODUCT, "tests", "benchmarks"),
    ),
    Rule(
        name="tests assert",
        says="Every test asserts something: itself, by pytest.raises, or by a function of tests"
        " that does.",
        because="A test that only calls passes as long as nothing is raised, whatever comes out.",
        remedy="Assert what is so afterwards; where nothing is returned, ask the row or the"
        " neighbour that is refused.",
        find=in_modules(source.tests_without_assertion, "tests"),
    ),
    Rule(
        name="functions fit on a screen",
        says=f"A function of the product has at most {MOST_LINES} lines, its docstring not"
        " counted.",
        because="What does not fit on a screen is not read as a whole.",
        remedy="Part what decides from what computes. (ruff counts its branches and statements.)",
        find=in_modules(source.long_functions(MOST_LINES), *PRODUCT),
    ),
    Rule(
        name="folders are small",
        says=f"A folder has at most {MOST_FILES} files.",
        because="A longer list is not a plan of anything.",
        remedy="Part it by subject, under the names that the subjects have elsewhere.",
        find=full_folders,
    ),
)


def report(rules: Iterable[Rule] = RULES, root: Path = ROOT) -> Iterator[str]:
    """What to tell whoever broke a rule; nothing where all of them hold."""
    for rule in rules:
        if breaches := rule.breaches(root):
            yield f"{rule.name}: {rule.says}"
            yield f"  Why: {rule.because}"
            yield f"  Instead: {rule.remedy}"
            yield from (f"    {breach}" for breach in breaches)


def markdown() -> Iterator[str]:
    """The list, as ARCHITECTURE.md has it."""
    for rule in RULES:
        yield f"- **{rule.name[0].upper()}{rule.name[1:]}.** {rule.says} {rule.because}"


def main() -> int:
    """Say what breaks a rule; 1 where something does. ``--markdown`` writes the list instead."""
    if sys.argv[1:] == ["--markdown"]:
        print("\n".join(markdown()))  # noqa: T201
        return 0
    # Syntax trees live as long as this does: looking for garbage in them takes a third of the time.
    gc.disable()
    lines = list(report())
    for line in lines or [f"{len(RULES)} rules of the house hold."]:
        print(line)  # noqa: T201
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
