"""Which deliveries of a strategy's webhook can leave the database, and how they do."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import models, transaction
from django.db.models import Q

from capital.models import ArchivedDelivery, WebhookAnswer, WebhookDelivery
from capital.models.columns.append_only import drop_rows
from capital.services.archives.files import WrittenFile, read_rows, write_file
from capital.services.archives.runs import month_of
from capital.services.transactions import outside_transaction
from strategies.models import Strategy

DELIVERIES_AT_ONCE = 500


@dataclass
class ArchivedDeliveries:
    """The files that were written, and how many deliveries left the database with their answers."""

    files: list[WrittenFile] = field(default_factory=list)
    count: int = 0


@outside_transaction
def archive_deliveries(strategy: Strategy, *, until: datetime, folder: Path) -> ArchivedDeliveries:
    """Write a strategy's deliveries that are older than ``until`` to files, and remove them.

    Call it outside a transaction. One that is not answered yet stays. Raises like ``archive_runs``.
    """
    done = ArchivedDeliveries()
    for part in _parts(strategy, until):
        keys = [delivery.pk for delivery in part]
        deliveries = read_rows(WebhookDelivery.objects.filter(pk__in=keys))
        answers = read_rows(WebhookAnswer.objects.filter(delivery__in=keys))
        place = folder / month_of(part[0].received_at)
        suffix = f"strategy-{strategy.pk}-from-{keys[0]}.csv.gz"
        done.files += [
            write_file(place / f"deliveries-{suffix}", WebhookDelivery, deliveries),
            write_file(place / f"answers-{suffix}", WebhookAnswer, answers),
        ]
        with transaction.atomic():
            # Deliveries of one strategy take turns here, too.
            Strategy.objects.select_for_update(no_key=True).get(pk=strategy.pk)
            if not WebhookDelivery.objects.filter(pk=keys[0]).exists():
                # Another process was quicker; its files are the same as ours.
                continue
            ArchivedDelivery.objects.bulk_create(
                _key_of(delivery) for delivery in part if delivery.delivery_id
            )
            drop_rows(WebhookAnswer, [row[0] for row in answers])
            drop_rows(WebhookDelivery, keys)
        done.count += len(keys)
    return done


def count_deliveries(strategy: Strategy, *, until: datetime) -> int:
    """How many deliveries ``archive_deliveries`` would archive."""
    return _old_deliveries(strategy, until).count()


def _old_deliveries(strategy: Strategy, until: datetime) -> "models.QuerySet[WebhookDelivery]":
    rows: models.QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(
        Q(answer__isnull=False) | Q(refusal__isnull=False),
        strategy=strategy,
        received_at__lt=until,
    )
    return rows.order_by("received_at", "pk")


def _parts(strategy: Strategy, until: datetime) -> Iterator[list[WebhookDelivery]]:
    """Deliveries of one month, at most ``DELIVERIES_AT_ONCE``, as long as there are any."""
    while found := list(_old_deliveries(strategy, until)[:DELIVERIES_AT_ONCE]):
        month = month_of(found[0].received_at)
        part = [row for row in found if month_of(row.received_at) == month]
        yield sorted(part, key=lambda row: row.pk)


def _key_of(delivery: WebhookDelivery) -> ArchivedDelivery:
    return ArchivedDelivery(
        strategy_id=delivery.strategy_id,
        delivery_id=delivery.delivery_id,
        fingerprint=delivery.fingerprint,
        delivery=delivery.pk,
        received_at=delivery.received_at,
    )
