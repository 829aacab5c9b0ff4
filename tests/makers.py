"""Every reason that the code makes while the suite runs is rendered with the figures it was given.

A sentence whose figures are misspelt, or forgotten, raises where it is shown: while something is
being reported that went wrong. So each pair of a code and the names of its figures is rendered
once, in both languages, behind the test in which the code under ``capital/`` made it. A run of
the whole suite also tells which codes nothing made: a code without a maker, or a maker that no
test reaches.
"""

import re
import sys
from collections.abc import Iterator
from string import Formatter
from types import FrameType
from typing import Any

import pytest
from django.utils import translation

from capital.domain.reasons import Code, Reason
from capital.services.sentences import sentence
from tests.paths import ROOT

_CODE = str(ROOT / "capital") + "/"
# Who makes a reason for somebody else: dataclasses' own __init__, and the errors' and sentences'.
_SENTENCES = f"{_CODE}services/sentences.py"
_PASSED_ON = ("<string>", f"{_CODE}domain/errors.py", _SENTENCES)
# What was stored is made a reason again, and a test may have written any row. Of those who ask for
# the sentence of a code, only this one has decided which figures go with it: the entries' codes.
_STORED = f"{_CODE}services/allocation/stored.py"
_ENTRIES = f"{_CODE}services/allocation/report.py"
# Made by no test on SQLite.
_ON_POSTGRESQL = {Code.RUN_KEY_REPEATED}  # where a constraint was dropped, which SQLite cannot

# A gap, or a particle that was not resolved.
_NOT_WHOLE = re.compile(r"[{}…]|\(을\)|\(를\)|\(은\)|\(는\)|\(이\)|\(가\)|\(으\)|  ")
_MADE = "reasons_made"
# What kind of error it was is told to who reads the log: by its class, or by its code.
_AS_STORED = frozenset({"code", "kind"})


class Makers:
    """What the code made in this process, and what was made in the others of the run."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, tuple[str, ...]], str] = {}
        self.made_elsewhere: set[str] = set()
        self.never_made: list[str] = []
        self.waiting: list[tuple[Reason, str]] = []
        self._watch()

    def _watch(self) -> None:
        begin = Reason.__init__

        def note(reason: Reason, code: Code, *args: Any, **kwargs: Any) -> None:
            begin(reason, code, *args, **kwargs)
            made = code.value, tuple(sorted(reason.figures))
            if made not in self.made and (maker := _maker(sys._getframe(1))):
                self.made[made] = maker
                self.waiting.append((Reason(code, dict(reason.figures)), maker))

        Reason.__init__ = note  # type: ignore[method-assign, assignment]

    def faults(self) -> Iterator[str]:
        """What is wrong with the sentences of what was made since this was asked last."""
        waiting, self.waiting = self.waiting, []
        for reason, maker in waiting:
            for fault in faults_of(reason):
                yield f"{maker} makes {reason.code.name} with {dict(reason.figures)}: {fault}"

    @property
    def codes(self) -> set[str]:
        """The codes that were made."""
        return {code for code, _ in self.made} | self.made_elsewhere

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the run's main process what was made here; there, whether anything was not."""
        config = session.config
        if hasattr(config, "workeroutput"):
            config.workeroutput[_MADE] = sorted(self.codes)
            return
        if not _is_whole(config) or session.testsfailed:
            return
        self.never_made = sorted(
            code.name for code in set(Code) - _ON_POSTGRESQL if code.value not in self.codes
        )
        if self.never_made:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what one of pytest-xdist's workers made."""
        self.made_elsewhere |= set(getattr(node, "workeroutput", {}).get(_MADE, ()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which codes were not made, and what to do."""
        if self.never_made:
            terminalreporter.write_line(
                "No test has the code make these reasons. Write one, or remove the code that "
                f"nothing makes from capital/domain/reasons.py: {', '.join(self.never_made)}",
                red=True,
            )


def _is_whole(config: pytest.Config) -> bool:
    """Whether the whole suite is run, and not a part that somebody chose."""
    options = config.option
    return not (
        options.file_or_dir
        or options.keyword
        or options.collectonly
        or getattr(options, "lf", False)
        or options.markexpr != "not browser"
    )


def _maker(frame: FrameType | None) -> str:
    """Who made the reason: file and line under ``capital/``; empty for a test or a reader."""
    asked_for = False
    while frame is not None and frame.f_code.co_filename in _PASSED_ON:
        asked_for = asked_for or frame.f_code.co_filename == _SENTENCES
        frame = frame.f_back
    where = "" if frame is None else frame.f_code.co_filename
    if frame is None or not where.startswith(_CODE) or where == _STORED:
        return ""
    if asked_for and where != _ENTRIES:
        return ""
    return f"{where.removeprefix(_CODE)}:{frame.f_lineno}"


def faults_of(reason: Reason) -> Iterator[str]:
    """What is wrong with the sentence of ``reason``, in either language."""
    names = {name for _, name, _, _ in Formatter().parse(reason.code.english) if name}
    if missing := names - set(reason.figures):
        yield f"the sentence needs {', '.join(sorted(missing))}"
        return
    # What somebody calls an account may look like anything.
    is_plain = not any(_NOT_WHOLE.search(figure) for figure in reason.figures.values())
    for language in ("en", "ko"):
        with translation.override(language):
            text = sentence(reason)
        if is_plain and _NOT_WHOLE.search(text):
            yield f"it is not whole: {text}"
        for name, figure in reason.figures.items():
            if "_" in figure and Code.get(figure) and figure in text and name not in _AS_STORED:
                yield f"it shows {name} as it is stored: {text}"


# From here on: no test has run yet.
MAKERS = Makers()
