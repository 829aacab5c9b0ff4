"""Measured modules note their own branches, so that nothing else runs slower.

coverage.py traces each line that a process runs, Django's and ccxt's too (Python 3.11 has no other
way), and tests of services took nearly twice the processor's time. Here a measured module is
compiled with marks: where ways part or meet, a function notes from which line it came to which.
coverage.py keeps what is noted, knows which ways there are, and tells which of them nobody went;
``test_marks`` compares with what it traces.

A class's own body has no marks: what branches there is reported as not entered.
"""

import ast
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from tests.paths import ROOT

# In each frame the line where ways parted last; in each module what notes, and its own number.
_LINE, _NOTE, _FILE = "_line_of_marks_", "_note_of_marks_", "_file_of_marks_"
_LOOPS = ast.For | ast.AsyncFor | ast.While
_PARTING = ast.If | _LOOPS | ast.Try | ast.TryStar | ast.Match | ast.With | ast.AsyncWith
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
Arc = tuple[int, int]


class Marks:
    """What was noted, while it counts.

    Attributes:
        note: Called with a file's number and the two lines of an arc.
    """

    def __init__(self) -> None:
        self._noted: set[tuple[int, int, int]] = set()
        self._files: list[str] = []
        self.note: Any = None
        self.go_on()

    def go_on(self) -> None:
        """From now on it counts."""
        self.note = self._noted.add

    def stop(self) -> None:
        """From now on it does not."""
        self.note = bool

    def names(self, path: str) -> dict[str, Any]:
        """What the marks of this file need in its module."""
        self._files.append(path)
        return {_NOTE: self, _FILE: len(self._files) - 1}

    def arcs(self) -> dict[str, set[Arc]]:
        """By file, also by one that was only imported, which lines followed each other."""
        found: dict[str, set[Arc]] = {path: set() for path in self._files}
        for number, before, line in self._noted:
            found[self._files[number]].add((before, line))
        return found


class Finder(MetaPathFinder):
    """Finds the measured modules, and has them marked when they are imported."""

    def __init__(self, marks: Marks, packages: Sequence[str], omitted: Iterable[str]) -> None:
        self._marks = marks
        self._packages = tuple(f"{package}." for package in packages)
        self._omitted = tuple(omitted)

    def install(self) -> None:
        """Be asked before Python's own finder."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Python's own answer, with the loader that marks."""
        if not f"{name}.".startswith(self._packages):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None:
            return spec
        if self._counts(Path(spec.origin)):
            spec.loader = Loader(self._marks, name, spec.origin)
        return spec

    def files(self) -> list[str]:
        """Every file that is measured, if it is imported or not."""
        folders = [ROOT / package.replace(".", "/") for package in self._packages]
        return [
            str(path) for folder in folders for path in folder.rglob("*.py") if self._counts(path)
        ]

    def _counts(self, path: Path) -> bool:
        return not any(path.match(pattern) for pattern in self._omitted)


class Loader(SourceFileLoader):
    """Compiles a module with its marks; nothing of it is cached."""

    def __init__(self, marks: Marks, name: str, path: str) -> None:
        super().__init__(name, path)
        self._marks = marks

    def get_code(self, fullname: str) -> CodeType:
        """The module's code, with marks."""
        return compile_marked(Path(self.path).read_bytes(), self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Run it, with what its marks need."""
        vars(module).update(self._marks.names(self.path))
        super().exec_module(module)


def compile_marked(source: bytes, path: str) -> CodeType:
    """The code of a source, with marks."""
    tree = ast.parse(source, path)
    if any(isinstance(node, _PARTING) for node in tree.body):
        tree.body = _frame(tree.body, 1)
    for node in list(ast.walk(tree)):
        if isinstance(node, _FUNCTIONS) and any(isinstance(each, _PARTING) for each in node.body):
            node.body = _frame(node.body, _first_line(node))
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


def _first_line(node: ast.stmt) -> int:
    """Where Python says that it begins: a function with its decorators."""
    decorators = getattr(node, "decorator_list", ())
    return decorators[0].lineno if decorators else node.lineno


def _frame(body: list[ast.stmt], line: int) -> list[ast.stmt]:
    """A function's or a module's body: behind its last line it ends."""
    start = 0
    while start < len(body) and _stays_first(body[start]):
        start += 1
    return [*body[:start], _at(-line), *_block(body[start:]), *_end(body, -line)]


def _stays_first(node: ast.stmt) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def _block(body: list[ast.stmt], *before: ast.stmt) -> list[ast.stmt]:
    """Statements behind each other. Noted is the first one, and each behind ways that parted."""
    marked = list(before)
    is_noted = True
    for node in body:
        if is_noted:
            marked += _note(_first_line(node))
        if isinstance(node, _PARTING):
            _mark(node)
            marked += [] if is_noted else [_at(node.lineno)]
        is_noted = isinstance(node, _PARTING)
        marked.append(node)
    return marked


def _end(body: list[ast.stmt], line: int) -> list[ast.stmt]:
    """Note where it goes on behind the last statement, if that parts ways."""
    return _note(line) if isinstance(body[-1], _PARTING) else []


def _mark(node: Any) -> None:
    """Mark the blocks of a statement that has some."""
    match node:
        case ast.If():
            node.body = _block(node.body)
            node.orelse = node.orelse and _block(node.orelse)
        case ast.For() | ast.AsyncFor() | ast.While():
            again = _end(node.body, node.lineno)
            node.body = [*_block(node.body, _at(node.lineno)), *again]
            node.orelse = _block(node.orelse, _at(node.lineno))
        case ast.With() | ast.AsyncWith():
            node.body = _block(node.body)
        case ast.Try() | ast.TryStar():
            node.body = _block(node.body)
            node.orelse = node.orelse and _block(node.orelse)
            node.finalbody = node.finalbody and _block(node.finalbody)
            for handler in node.handlers:
                handler.body = _block(handler.body, _at(handler.lineno))
        case ast.Match():
            _mark_cases(node)


def _mark_cases(node: ast.Match) -> None:
    """Whoever comes to a case has passed those before it."""
    passed: list[ast.stmt] = []
    for case in node.cases:
        passed += _note(case.pattern.lineno)
        case.body = _block(case.body, *passed)
    if not _takes_all(node.cases[-1]):
        node.cases.append(ast.match_case(pattern=ast.MatchAs(), guard=None, body=passed))


def _takes_all(case: ast.match_case) -> bool:
    pattern = case.pattern
    last = pattern.patterns[-1] if isinstance(pattern, ast.MatchOr) else pattern
    return case.guard is None and isinstance(last, ast.MatchAs) and last.pattern is None


# The marks: each is where the statement stands that it belongs to


def _at(line: int) -> ast.stmt:
    """Here ways part."""
    return ast.Assign([ast.Name(_LINE, ast.Store())], ast.Constant(line))


def _note(line: int) -> list[ast.stmt]:
    """Note how it came here; from here it may part again."""
    arc = ast.Tuple([_name(_FILE), _name(_LINE), ast.Constant(line)], ast.Load())
    note = ast.Attribute(_name(_NOTE), "note", ast.Load())
    return [ast.Expr(ast.Call(note, [arc], [])), _at(line)]


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())
