"""Where processes share their pace: one row for an endpoint, or one key of Redis."""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection, connections
from django.utils import timezone

from capital.exchange.sharing.pace import SHARED_PACE
from capital.exchange.sharing.slices import LeaseRequest, PaceStore
from capital.models import EndpointPace
from capital.services.balances.turns.paces import (
    _KEPT_SECONDS,
    DatabasePace,
    RedisPace,
    prune_paces,
    share_pace,
    share_pace_of_child,
)

pytestmark = pytest.mark.django_db

NAME = "one|binance||spot"
REDIS_URL = os.environ.get("TESTS_REDIS_URL", "redis://127.0.0.1:6379/15")
MINUTE = timedelta(minutes=1)


def has_redis() -> bool:
    try:
        return bool(redis.Redis.from_url(REDIS_URL, socket_connect_timeout=1).ping())
    except redis.RedisError:
        return False


@pytest.fixture(params=["database", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[PaceStore]:
    if request.param == "database":
        yield DatabasePace()
        return
    if not has_redis():
        pytest.skip("needs Redis: set TESTS_REDIS_URL=redis://…")
    yield RedisPace(REDIS_URL)
    redis.Redis.from_url(REDIS_URL).delete(f"capital:pace:{NAME}")


def request(holder: str = "a:1", *, wanted: int = 1000, limit: int = 1000) -> LeaseRequest:
    return LeaseRequest(holder=holder, weight=10, wanted=wanted, limit=limit)


def test_what_one_process_got_another_does_not_get(store: PaceStore) -> None:
    given = [store.lease(NAME, request(f"a:{number % 2}")).weight for number in range(12)]

    assert given == [90] * 10 + [50, 0]
    assert store.lease(NAME, request()).processes == 2


def test_refusal_is_told_to_whoever_asks(store: PaceStore) -> None:
    store.refuse(NAME, "", MINUTE)

    lease = store.lease(NAME, request())

    assert lease.weight == 0
    assert 55 < lease.refused[""] <= 60


def test_endpoints_are_counted_apart() -> None:
    store = DatabasePace()
    for _ in range(11):
        store.lease(NAME, request())

    assert store.lease("one|binance||futures", request()).weight == 90
    assert EndpointPace.objects.count() == 2


def test_a_slice_costs_four_statements(django_assert_max_num_queries: Any) -> None:
    store = DatabasePace()
    store.lease(NAME, request())

    # The row, the time, the change; and a savepoint, because a test is a transaction.
    with django_assert_max_num_queries(5):
        store.lease(NAME, request())


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_no_more_than_there_is() -> None:
    given: list[int] = []

    def ask() -> None:
        try:
            for _ in range(5):
                given.append(DatabasePace().lease(NAME, request()).weight)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(given) == 40
    assert sum(given) == 950


def test_endpoint_that_nobody_asks_any_more_is_forgotten() -> None:
    now = timezone.now()
    for name, age in (("old", 25), ("new", 23)):
        EndpointPace.objects.create(name=name, changed_at=now - timedelta(hours=age))

    assert prune_paces(now=now) == 1
    assert [str(row) for row in EndpointPace.objects.all()] == ["new"]


@pytest.fixture
def _pace_of_its_own() -> Iterator[None]:
    yield
    SHARED_PACE.share_through(None)


@pytest.mark.usefixtures("_pace_of_its_own")
@pytest.mark.parametrize(
    ("egress", "url", "kind"),
    [
        ("", "", type(None)),
        ("one", "", DatabasePace),
        ("one", "redis://127.0.0.1:9/0", RedisPace),
    ],
)
def test_settings_say_with_whom_and_where_the_pace_is_shared(
    settings: Any, monkeypatch: pytest.MonkeyPatch, egress: str, url: str, kind: type
) -> None:
    monkeypatch.setattr("os.register_at_fork", lambda **_: None)
    settings.CAPITAL_EGRESS, settings.CAPITAL_REDIS_URL = egress, url

    share_pace()

    assert isinstance(SHARED_PACE.store, kind)
    assert SHARED_PACE.egress == egress


@pytest.mark.usefixtures("_pace_of_its_own")
def test_child_of_a_fork_is_a_process_of_its_own(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_pace_of_child()
    assert SHARED_PACE.store is None
    monkeypatch.setattr("os.register_at_fork", lambda **_: None)
    settings.CAPITAL_EGRESS = "one"
    share_pace()
    parent = SHARED_PACE.holder
    monkeypatch.setattr("os.getpid", lambda: 424242)

    share_pace_of_child()

    assert SHARED_PACE.holder != parent
    assert SHARED_PACE.holder.endswith(":424242")


def test_database_tells_the_time() -> None:
    lease = DatabasePace().lease(NAME, request())

    row = EndpointPace.objects.get()
    assert lease.weight == 90
    assert abs(row.changed_at - timezone.now()) < MINUTE
    assert connection.is_usable()


def test_what_nobody_asks_for_any_more_redis_forgets() -> None:
    if not has_redis():
        pytest.skip("needs Redis: set TESTS_REDIS_URL=redis://…")
    name, client = "kept|binance||spot", redis.Redis.from_url(REDIS_URL)

    RedisPace(REDIS_URL).lease(name, request())

    assert 0 < client.ttl(f"capital:pace:{name}") <= _KEPT_SECONDS
    client.delete(f"capital:pace:{name}")
