"""What JSON columns hold: texts with every digit, read back as the report that they came from."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from capital.services.allocation.allocate import preview_allocation
from capital.services.allocation.report import report_decision
from capital.services.allocation.stored import pool_from_json, pools_as_json, shown_as_json
from tests.factories import make_account, make_link, make_strategy, make_summary

pytestmark = pytest.mark.django_db


def test_snapshot_has_texts_and_reads_back_as_the_same_report() -> None:
    account = make_account(currency="BTC", reserve_percent=Decimal(10))
    observed_at = timezone.now()
    make_summary(
        account=account,
        spot_balance=Decimal("1E-8"),
        spot_observed_at=observed_at,
        futures_balance=None,
    )
    for market in ("spot", "futures"):
        strategy = make_strategy(key=f"of-{market}", market_type=market)
        make_link(account=account, strategy=strategy, weight=Decimal("2.50"))
    (preview,) = preview_allocation([account.pk], live=False)
    assert preview.decision is not None

    spot, futures = pools_as_json(preview.decision, "BTC")

    assert datetime.fromisoformat(spot.pop("observed_at")) == observed_at
    assert spot == {
        "pool": "spot",
        "balance": "0.00000001",
        "source": "cached",
        "reserve": "0.00000001",
        "unallocated": "0.00000000",
        "code": "live_disabled",
        "figures": {},
        "entries": [
            {
                "strategy": "of-spot",
                "weight": "2.5",
                "before": None,
                "after": "0.00000000",
                "code": "share",
            }
        ],
    }
    assert (futures["balance"], futures["observed_at"], futures["reserve"]) == (None, None, None)
    shown = shown_as_json(preview.decision, "BTC")
    report = report_decision(preview.account, preview.decision)
    assert tuple(pool_from_json(stored) for stored in shown["pools"]) == report.pools
