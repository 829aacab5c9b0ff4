"""Compressed JSON: what is stored, what comes back, and what an earlier version stored."""

import json
import zlib
from datetime import date
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import serializers
from django.db import DatabaseError, connection, models, transaction

from capital.models import LinkMonth, WebhookAnswer, WebhookDelivery
from capital.models.columns.packed import PackedJSONField
from tests.factories import make_link, make_strategy

pytestmark = pytest.mark.django_db

# As many lines as 30 orders on 250 accounts, of which each is like the others.
LINE = {
    "account": "Main",
    "symbol": "BTC/USDT",
    "quantity": "0.01000",
    "원": None,
    "list": [1, 2.5],
}


def make_answer(body: Any) -> WebhookAnswer:
    delivery = WebhookDelivery.objects.create(strategy=make_strategy(), fingerprint="f", body={})
    return WebhookAnswer.objects.create(delivery=delivery, body=body)


def stored() -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM capital_webhookanswer")
        return bytes(cursor.fetchone()[0])


@pytest.mark.parametrize("body", [{}, {"a": None}, [LINE], "text", 1, True])
def test_what_was_stored_comes_back(body: Any) -> None:
    make_answer(body)

    assert WebhookAnswer.objects.get().body == body


def test_column_holds_a_tenth_of_the_text() -> None:
    make_answer({"sizes": [LINE] * 7500})

    text = json.dumps(LINE, ensure_ascii=False)
    assert json.loads(zlib.decompress(stored()))["sizes"][7499] == LINE
    assert len(stored()) < 7500 * len(text) / 10


def test_row_is_dumped_as_text_and_loaded_again() -> None:
    answer = make_answer({"sizes": [LINE]})

    dumped = serializers.serialize("json", [answer])
    (loaded,) = serializers.deserialize("json", dumped)

    assert json.loads(json.loads(dumped)[0]["fields"]["body"]) == {"sizes": [LINE]}
    assert loaded.object.body == {"sizes": [LINE]}


@pytest.mark.parametrize("number", [0, -1, 16**5000, -(16**5000)], ids=["0", "-1", "large", "low"])
@pytest.mark.parametrize("form", ["json", "jsonl", "xml"])
def test_a_number_of_any_size_is_dumped_and_loaded_again(number: int, form: str) -> None:
    """More digits than Python writes of a number that it takes for one of JSON's."""
    day = date(2026, 3, 1)
    row = LinkMonth.objects.create(
        strategy_account=make_link(),
        currency="USDT",
        scale=6,
        days=number,
        month=day,
        since=day,
        until=day,
    )

    (loaded,) = serializers.deserialize(form, serializers.serialize(form, [row]))
    loaded.save()

    assert LinkMonth.objects.get().days == number


def test_null_is_null() -> None:
    field = PackedJSONField(null=True)

    assert field.get_db_prep_value(None, connection) is None
    assert field.from_db_value(None, None, connection) is None


def test_answers_of_before_are_written_again_though_nobody_else_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    migration = import_module("capital.migrations.0024_packed_answers")
    monkeypatch.setattr(migration, "_ROWS_AT_ONCE", 2)
    for number in range(5):
        make_answer({"number": number})
    before = list(WebhookAnswer.objects.order_by("pk").values())
    # The columns of both ends are one by now.
    state = SimpleNamespace(get_model=lambda *_: WebhookAnswer)
    with connection.cursor() as cursor:

        def execute(statement: str) -> None:
            # These rows are of this transaction, unlike those that a migration finds.
            connection.check_constraints()
            cursor.execute(statement)

        editor = SimpleNamespace(connection=connection, execute=execute)
        monkeypatch.setattr(migration, "_PACKED", "body")
        migration.pack(state, editor)
        migration.unpack(state, editor)

    assert list(WebhookAnswer.objects.order_by("pk").values()) == before
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            models.QuerySet(WebhookAnswer).update(body={})
