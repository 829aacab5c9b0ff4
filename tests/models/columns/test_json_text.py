"""JSON that is text already is stored as any other, and read when somebody asks for it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.models import AllocationRun
from capital.models.columns.json_text import JsonText, quoted
from capital.models.columns.rows import FEWEST, insert_rows
from tests.factories import make_account

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ODD: dict[str, Any] = {
    "a": 'quote " back \\ slash \t tab \n line',
    "é": ["1.50", None, True],
    "{}": {},
}


def write(count: int) -> list[int]:
    account = make_account()
    names = (
        "account_id",
        "run_key",
        "trigger",
        "outcome",
        "code",
        "figures",
        "basis",
        "created_at",
    )
    rows = [
        (
            account.pk,
            f"key {n}",
            "command",
            "applied",
            "allocated",
            {},
            JsonText(json.dumps(ODD)),
            NOON,
        )
        for n in range(count)
    ]
    return insert_rows(AllocationRun, names, rows)


@pytest.mark.parametrize("count", [FEWEST - 1, FEWEST], ids=["few", "many"])
def test_text_is_stored_as_the_value_that_it_says(count: int) -> None:
    keys = write(count)

    assert list(AllocationRun.objects.values_list("basis", flat=True)) == [ODD] * len(keys)
    assert AllocationRun.objects.filter(basis__a=ODD["a"]).count() == len(keys)


@pytest.mark.parametrize("text", ["plain", 'a "b" \\c', "한국어", "\x1f\u2028😀"])
def test_a_text_in_quotes_says_the_same(text: str) -> None:
    assert json.loads(quoted(text)) == text


def test_what_was_written_is_read_without_a_query_and_only_when_it_is_asked_for() -> None:
    run = AllocationRun.from_db("default", ["id"], [write(1)[0]])
    run.written = {"basis": JsonText('{"links": {}}')}

    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert "basis" not in vars(run)
        assert run.basis == {"links": {}}
        assert run.basis is run.basis
    assert len(asked) == 0

    assert run.code == "allocated"
    run.refresh_from_db()
    assert run.basis == ODD
