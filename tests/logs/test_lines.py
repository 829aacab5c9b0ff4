"""Lines of the log: as text and as JSON, with one form of time, and the id of the request."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capital.traces import begin_trace, end_trace
from capital_project.log_lines import JsonLine, OneLine
from tests.house.documents import documents
from tests.interpreter import COMPLETE, read, refusal
from tests.paths import ROOT
from tests.processes import environment_for

# 2026-11-27 20:00:00.25 in UTC.
AT = 1795809600.25
ID = "4f1c2f9e-0042"


def record(message: str, *arguments: Any, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("capital", logging.WARNING, "x.py", 1, message, arguments, None)
    made.created = AT
    made.__dict__.update(more)
    return made


@pytest.fixture
def _traced() -> Iterator[None]:
    begin_trace(ID)
    yield
    end_trace()


def test_text_has_time_with_its_offset_level_logger_and_the_message_as_it_always_was() -> None:
    line = OneLine(zone="Asia/Seoul").format(record("계좌 %s: 실시간 현물 잔고 조회 실패", "Main"))

    assert line == (
        "2026-11-28T05:00:00.250+09:00 WARNING capital: 계좌 Main: 실시간 현물 잔고 조회 실패"
    )


def test_documents_show_lines_as_they_are_written() -> None:
    shown = [
        line
        for document in documents()
        for line in document.read_text(encoding="utf-8").splitlines()
        if re.match(r"\d{4}-\d\d-\d\d\S* .*\b(DEBUG|INFO|WARNING|ERROR)\b", line)
    ]
    written = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d [A-Z]+ [\w.]+( \[[\w-]+\])?: "

    assert len(shown) >= 3
    assert [line for line in shown if not re.match(written, line)] == []


@pytest.mark.usefixtures("_traced")
def test_text_names_the_request_before_the_message() -> None:
    line = OneLine(zone="UTC").format(record("Done."))

    assert line == f"2026-11-27T20:00:00.250+00:00 WARNING capital [{ID}]: Done."


@pytest.mark.usefixtures("_traced")
def test_json_has_the_same_and_the_figures_by_name() -> None:
    figures = {"account_ids": [3, 14], "code": None}
    line = JsonLine(zone="Asia/Seoul").format(
        record("Account %s.", "\u202e메인\n", figures=figures)
    )

    assert "메인" in line
    assert "\\u202e" in line
    assert json.loads(line) == {
        "time": "2026-11-28T05:00:00.250+09:00",
        "level": "WARNING",
        "logger": "capital",
        "message": "Account \u202e메인\n.",
        "request_id": ID,
        "account_ids": [3, 14],
    }


def test_json_keeps_a_traceback_in_the_line() -> None:
    try:
        raise ValueError("a bug")
    except ValueError as error:
        made = record("It failed.", exc_info=(ValueError, error, error.__traceback__))

    line = JsonLine(zone="UTC").format(made)

    assert len(line.splitlines()) == 1
    told = json.loads(line)
    assert "request_id" not in told
    assert told["traceback"].splitlines()[0] == "Traceback (most recent call last):"
    assert told["traceback"].endswith("ValueError: a bug")


def test_the_setting_chooses_and_refuses_another_word() -> None:
    [text] = read("LOGGING", LOG_FORMAT="")
    [as_json] = read("LOGGING", LOG_FORMAT="json", TIME_ZONE="UTC")

    assert text["formatters"]["line"] == {
        "()": "capital_project.log_lines.OneLine",
        "zone": "Asia/Seoul",
    }
    assert as_json["formatters"]["line"] == {
        "()": "capital_project.log_lines.JsonLine",
        "zone": "UTC",
    }
    assert "LOG_FORMAT is 'xml'; it must be json, text." in refusal(
        **{**COMPLETE, "LOG_FORMAT": "xml"}
    )


def test_a_process_writes_all_its_lines_in_one_form(tmp_path: Path) -> None:
    said = (
        "import django, logging; django.setup();"
        "names = ('django', 'django.server', 'django-q');"
        "[logging.getLogger(name).error('Odd.') for name in names]"
    )
    environment = environment_for(f"sqlite:///{tmp_path / 'db'}", LOG_FORMAT="json")
    done = subprocess.run(
        [sys.executable, "-c", said], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [each["logger"] for each in told] == ["django", "django.server", "django-q"]
    assert {each["time"][-6:] for each in told} == {"+09:00"}
