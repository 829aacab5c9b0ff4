from decimal import Decimal

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError

from capital.domain.errors import AppendOnly
from capital.models import AllocationEntry, AllocationPool, AllocationRun
from tests.factories import make_account, make_link, make_user
from tests.models.refusals import refused_by_database
from tests.models.runs import NOON, new_run

pytestmark = pytest.mark.django_db

AUDIT_MODELS = (AllocationRun, AllocationPool, AllocationEntry)
EACH_MODEL = pytest.mark.parametrize("model", AUDIT_MODELS)


def new_pool(**fields) -> AllocationPool:
    """A pool of a run, not saved."""
    return AllocationPool(
        **{"pool": "spot", "reading": "5000", "source": "live", "code": "live_balance", **fields}
    )


@pytest.fixture
def recorded():
    """A run with one pool and one entry, by model."""
    link = make_link()
    run = new_run(account=link.account, actor=make_user())
    run.save()
    pool = new_pool(run=run)
    pool.save()
    entry = AllocationEntry(
        pool=pool, strategy_account=link, weight=Decimal(1), after=Decimal(5000), code="share"
    )
    entry.save()
    return {AllocationRun: run, AllocationPool: pool, AllocationEntry: entry}


@pytest.fixture
def untouched(recorded):
    """Fails where a row is another than it was when it was recorded."""
    before = {model: list(model.objects.values()) for model in AUDIT_MODELS}
    yield
    assert {model: list(model.objects.values()) for model in AUDIT_MODELS} == before


CHANGES = {
    "save": lambda row: row.save(),
    "save of one field": lambda row: row.save(update_fields=["code"]),
    "asave": lambda row: async_to_sync(row.asave)(),
    "delete": lambda row: row.delete(),
    "adelete": lambda row: async_to_sync(row.adelete)(),
    "manager update": lambda row: type(row).objects.update(code="forged"),
    "filtered update": lambda row: rows(row).update(code="forged"),
    "filtered aupdate": lambda row: async_to_sync(rows(row).aupdate)(code="forged"),
    "queryset delete": lambda row: type(row).objects.all().delete(),
    "filtered adelete": lambda row: async_to_sync(rows(row).adelete)(),
    "bulk_update": lambda row: type(row).objects.bulk_update([row], ["code"]),
    "update_or_create": lambda row: type(row).objects.update_or_create(
        pk=row.pk, defaults={"code": "forged"}
    ),
    "upsert": lambda row: type(row).objects.bulk_create(
        [type(row)(**fields_of(row))],
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=["code"],
    ),
    "base manager": lambda row: type(row)._base_manager.filter(pk=row.pk).update(code="forged"),
}  # fmt: skip


def rows(row):
    return type(row).objects.filter(pk=row.pk)


def fields_of(row) -> dict:
    """The columns of a row, with another code."""
    stored = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {**stored, "code": "forged"}


@EACH_MODEL
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.usefixtures("untouched")
def test_a_record_cannot_be_changed_or_deleted(recorded, model, change):
    row = recorded[model]
    row.code = "forged"

    with pytest.raises(AppendOnly) as refused:
        change(row)

    assert str(refused.value) == (
        f"This is an audit record ({model.__name__}). It cannot be changed or deleted."
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.account.runs.update(code="forged"),
        lambda run: run.account.runs.all().delete(),
        lambda run: run.pools.update(code="forged"),
        lambda run: run.pools.all().delete(),
        lambda run: run.pools.update_or_create(pool="spot", defaults={"code": "forged"}),
        lambda run: run.pools.add(run.pools.get()),
        lambda run: run.pools.get().entries.update(after=0),
    ],
)
@pytest.mark.usefixtures("untouched")
def test_a_record_cannot_be_changed_through_what_it_belongs_to(recorded, change):
    with pytest.raises(AppendOnly):
        change(recorded[AllocationRun])


@EACH_MODEL
@pytest.mark.parametrize("statement", ["UPDATE {table} SET code = 'forged'", "DELETE FROM {table}"])
@pytest.mark.postgresql
@pytest.mark.skipif(
    "connection.vendor != 'postgresql'",
    reason="SQLite has no trigger here: its flush and table remakes would trip over it",
)
@pytest.mark.usefixtures("recorded", "untouched")
def test_the_database_itself_refuses(model, statement):
    with (
        pytest.raises(DatabaseError, match="Cannot update or delete rows from"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table=model._meta.db_table))


@pytest.mark.usefixtures("untouched")
def test_what_a_record_points_at_cannot_be_deleted(recorded):
    run, link = recorded[AllocationRun], recorded[AllocationEntry].strategy_account

    for row in (link, link.strategy, link.account, link.account.owner, run.actor):
        with pytest.raises((ProtectedError, AppendOnly)):
            row.delete()


def test_the_account_of_a_run_without_links_cannot_be_deleted():
    run = new_run()
    run.save()

    with pytest.raises(ProtectedError):
        run.account.delete()


def test_the_actor_of_a_run_cannot_be_deleted():
    run = new_run(actor=make_user())
    run.save()

    with pytest.raises(ProtectedError):
        run.actor.delete()


def test_an_update_or_create_is_refused_also_where_it_would_create():
    with pytest.raises(AppendOnly):
        AllocationRun.objects.update_or_create(run_key="morning", account=make_account())

    assert not AllocationRun.objects.exists()


def test_new_records_are_written_in_bulk_and_one_by_one():
    account = make_account()

    AllocationRun.objects.bulk_create([new_run(account=account, run_key=key) for key in "ab"])
    AllocationRun.objects.create(
        account=account, run_key="c", trigger="api", outcome="held", code="x", created_at=NOON
    )
    AllocationRun.objects.get_or_create(
        account=account,
        run_key="d",
        defaults={"trigger": "api", "outcome": "held", "code": "x", "created_at": NOON},
    )

    assert sorted(AllocationRun.objects.values_list("run_key", flat=True)) == list("abcd")


# Constraints


def test_a_run_key_is_used_once_per_account():
    run = new_run(run_key="morning")
    run.save()
    new_run(run_key="morning").save()
    again = new_run(account=run.account, run_key="morning")

    with refused_by_database(
        "allocation_run_key_unique_per_account",
        columns="capital_allocationrun.account_id, capital_allocationrun.run_key",
    ):
        AllocationRun.objects.bulk_create([again])
    with pytest.raises(ValidationError, match="with this Account and Run key already exists"):
        again.full_clean()


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("trigger", "cron", "allocation_run_trigger_known"),
        ("trigger", "", "allocation_run_trigger_known"),
        ("outcome", "done", "allocation_run_outcome_known"),
        ("outcome", "", "allocation_run_outcome_known"),
        ("run_key", "", "allocation_run_key_given"),
    ],
)
def test_a_run_out_of_its_words_is_refused(field, value, constraint):
    run = new_run(**{field: value})

    with refused_by_database(constraint):
        AllocationRun.objects.bulk_create([run])
    with pytest.raises(ValidationError) as refused:
        run.full_clean()
    assert field in refused.value.message_dict


def test_a_revert_names_the_run_that_it_takes_back_and_nothing_else_does():
    first = new_run()
    first.save()
    constraint = "allocation_run_reverts_where_it_is_a_revert"

    for fields in ({"trigger": "revert"}, {"trigger": "api", "reverts": first}):
        run = new_run(account=first.account, run_key="second", **fields)
        with refused_by_database(constraint):
            AllocationRun.objects.bulk_create([run])
        with pytest.raises(ValidationError, match=constraint):
            run.full_clean()


def test_a_run_is_reverted_once():
    first = new_run()
    first.save()
    again = [
        new_run(account=first.account, run_key=key, trigger="revert", reverts=first) for key in "ab"
    ]
    again[0].save()

    with refused_by_database("reverts_id", columns="capital_allocationrun.reverts_id"):
        AllocationRun.objects.bulk_create(again[1:])
    with pytest.raises(ValidationError, match="with this Reverts already exists"):
        again[1].full_clean()


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("pool", "margin", "allocation_pool_pool_known"),
        ("pool", "", "allocation_pool_pool_known"),
        ("source", "guess", "allocation_pool_source_known"),
        ("source", "", "allocation_pool_source_known"),
    ],
)
def test_a_pool_out_of_its_words_is_refused(recorded, field, value, constraint):
    pool = new_pool(**{"run": recorded[AllocationRun], "pool": "futures", field: value})

    with refused_by_database(constraint):
        AllocationPool.objects.bulk_create([pool])
    with pytest.raises(ValidationError) as refused:
        pool.full_clean()
    assert field in refused.value.message_dict


def test_a_pool_is_recorded_once_a_run(recorded):
    again = new_pool(run=recorded[AllocationRun], pool="spot")

    with refused_by_database(
        "allocation_pool_once_a_run",
        columns="capital_allocationpool.run_id, capital_allocationpool.pool",
    ):
        AllocationPool.objects.bulk_create([again])
    with pytest.raises(ValidationError, match="and Pool already exists"):
        again.full_clean()


def test_a_link_is_recorded_once_a_pool(recorded):
    entry = recorded[AllocationEntry]
    again = AllocationEntry(
        pool=entry.pool, strategy_account=entry.strategy_account, weight=Decimal(1), code="share"
    )

    with refused_by_database(
        "allocation_entry_once_a_pool",
        columns="capital_allocationentry.strategy_account_id, capital_allocationentry.pool_id",
    ):
        AllocationEntry.objects.bulk_create([again])
    with pytest.raises(ValidationError, match="and Pool of an allocation already exists"):
        again.full_clean()
