"""Files of old rows: what a spreadsheet would run is marked there, and read back as it was."""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from capital.models import WebhookDelivery
from capital.services.archives.files import columns_of, read_file, write_file

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def row_of(delivery_id: str, **fields: Any) -> tuple[Any, ...]:
    values = {
        "id": 1,
        "strategy_id": -1,
        "delivery_id": delivery_id,
        "fingerprint": "f",
        "body": {"=1": "=1"},
        "address": "::1",
        "is_signed": True,
        "refusal": None,
        "received_at": NOW,
        **fields,
    }
    return tuple(values[name] for name in columns_of(WebhookDelivery))


def cells_of(path: Path) -> dict[str, str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    return row


@pytest.mark.parametrize(
    "text", ["=1+1", "＝1+1", "\u200b=1", "\ufeff＠SUM(A1)", "\t=1", "-1", "@a"]
)
def test_text_that_a_spreadsheet_would_run_is_marked_and_read_back(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "2026-10" / "deliveries.csv.gz"
    row = row_of(text)

    write_file(path, WebhookDelivery, [row])

    cells = cells_of(path)
    assert cells["delivery_id"] == "\\" + text
    # Numbers stay what they are, and JSON begins with a brace.
    assert (cells["strategy_id"], cells["body"][0]) == ("-1", "{")
    assert list(read_file(path, WebhookDelivery)) == [row]


@pytest.mark.parametrize("text", ["", "tv-1", r"\N", "\\=1", "a=1"])
def test_any_other_text_is_read_back_too(tmp_path: Path, text: str) -> None:
    path = tmp_path / "2026-10" / "deliveries.csv.gz"
    row = row_of(text)

    write_file(path, WebhookDelivery, [row])

    assert list(read_file(path, WebhookDelivery)) == [row]
    assert cells_of(path)["delivery_id"] == ("\\" + text if text.startswith("\\") else text)
