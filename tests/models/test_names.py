"""What a row is called tells times as pages do."""

import inspect
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.db.models import Model

from capital.models import JobRun, WebhookDelivery
from strategies.models import Strategy

AFTERNOON = datetime(2026, 11, 26, 14, 6, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "row",
    [
        JobRun(name="sync", started_at=AFTERNOON),
        WebhookDelivery(strategy=Strategy(key="sync"), received_at=AFTERNOON),
    ],
    ids=["job run", "delivery"],
)
@pytest.mark.usefixtures("seoul")
def test_row_is_named_by_its_local_time(row: Model) -> None:
    assert str(row) == "sync 2026-11-26 23:06:02"


def test_no_other_row_is_named_by_a_time_of_another_zone() -> None:
    sources = {
        model.__name__: inspect.getsource(model.__str__)
        for model in apps.get_models()
        if model._meta.app_label in ("capital", "strategies")
    }

    assert [
        name for name, source in sources.items() if "%H" in source and "localtime" not in source
    ] == []
