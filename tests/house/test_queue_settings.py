"""The queue's settings are safe, and what would not be is refused by name."""

from datetime import timedelta

import pytest
from django.conf import settings
from django_q.conf import Conf

from capital.exchange.ccxt.balances import DEADLINE_SECONDS
from capital.exchange.ccxt.markets import LISTING_SECONDS
from capital.exchange.checks import STORED_WITHIN, a_sync_of_markets_has_its_time
from capital.exchange.contract import LISTINGS_WITHIN
from tests.interpreter import COMPLETE, read, refusal


def test_a_task_is_stopped_before_it_would_be_given_out_again() -> None:
    assert 0 < Conf.TIMEOUT < Conf.RETRY


def test_a_task_that_waits_for_two_others_is_not_given_out_twice() -> None:
    waiting = Conf.QUEUE_LIMIT + Conf.BULK

    assert (1 + waiting) * Conf.TIMEOUT < Conf.RETRY


def test_a_chunk_whose_exchanges_all_hang_is_done_in_time() -> None:
    rounds = -(-settings.CAPITAL_JOB_CHUNK // settings.CAPITAL_LIVE_CONCURRENCY)

    assert rounds * DEADLINE_SECONDS + 30 <= Conf.TIMEOUT


def test_a_sync_of_markets_of_exchanges_that_all_hang_is_done_in_time() -> None:
    assert timedelta(seconds=LISTING_SECONDS) < LISTINGS_WITHIN
    assert timedelta(seconds=Conf.TIMEOUT) >= LISTINGS_WITHIN + STORED_WITHIN
    assert a_sync_of_markets_has_its_time() == []


@pytest.mark.parametrize(("seconds", "warned"), [(89, True), (90, False), (91, False)])
def test_a_timeout_that_stops_a_sync_of_markets_is_warned_of(settings, seconds, warned) -> None:
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "timeout": seconds}

    found = a_sync_of_markets_has_its_time()

    assert [each.id for each in found] == (["capital.W002"] if warned else [])
    assert all("Q_TIMEOUT_SECONDS is 89" in each.msg and "90 seconds" in each.msg for each in found)


def test_a_larger_chunk_has_more_time() -> None:
    [cluster] = read("Q_CLUSTER", CAPITAL_JOB_CHUNK="1000", CAPITAL_LIVE_CONCURRENCY="50")

    assert (cluster["timeout"], cluster["retry"]) == (330, 1020)


def test_a_failed_task_is_tried_again_but_not_for_ever() -> None:
    assert Conf.ACK_FAILURES is False
    assert Conf.MAX_ATTEMPTS == 3


def test_missed_slots_are_not_made_up_for() -> None:
    assert Conf.CATCH_UP is False


def test_the_queue_is_the_database_and_says_that_it_is_alive() -> None:
    assert (Conf.ORM, Conf.BROKER_CLASS) == ("default", "capital.queue.HeartbeatBroker")


def test_the_jobs_time_is_the_projects() -> None:
    assert Conf.TIME_ZONE == settings.TIME_ZONE


def test_the_cluster_has_one_name_that_the_environment_may_choose() -> None:
    assert read("Q_CLUSTER")[0]["name"] == "capital"
    assert read("Q_CLUSTER", Q_CLUSTER_NAME="")[0]["name"] == "capital"
    assert read("Q_CLUSTER", Q_CLUSTER_NAME="desk-2")[0]["name"] == "desk-2"


@pytest.mark.parametrize("name", ["two words", " capital", "capital/2", "계좌", "x" * 101])
def test_a_cluster_name_that_could_be_read_in_two_ways_is_refused(name: str) -> None:
    assert "Q_CLUSTER_NAME must be 1 to 100 letters" in refusal(**COMPLETE, Q_CLUSTER_NAME=name)


@pytest.mark.parametrize("retry", ["60", "90"])
def test_a_retry_that_does_not_outlast_the_timeout_is_refused(retry: str) -> None:
    message = refusal(**COMPLETE, Q_TIMEOUT_SECONDS="90", Q_RETRY_SECONDS=retry)

    assert f"Q_RETRY_SECONDS ({retry}) must be more than Q_TIMEOUT_SECONDS (90)" in message


def test_workers_timeout_and_retry_can_be_set() -> None:
    [cluster] = read("Q_CLUSTER", Q_WORKERS="4", Q_TIMEOUT_SECONDS="5", Q_RETRY_SECONDS="8")

    assert (cluster["workers"], cluster["timeout"], cluster["retry"]) == (4, 5, 8)


@pytest.mark.parametrize(
    "name",
    [
        "CAPITAL_SYNC_MINUTES",
        "CAPITAL_REALLOCATE_MINUTES",
        "CAPITAL_SYNC_MARKETS_MINUTES",
        "CAPITAL_KEEP_JOB_DAYS",
        "CAPITAL_JOB_CHUNK",
        "Q_WORKERS",
    ],
)
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "often"])
def test_a_number_that_is_none_is_refused_by_name(name: str, value: str) -> None:
    assert f"{name} must be a whole number, 1 or more." in refusal(**COMPLETE, **{name: value})


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("CAPITAL_SYNC_MINUTES", 32_767),
        ("CAPITAL_REALLOCATE_MINUTES", 32_767),
        ("CAPITAL_SYNC_FILLS_MINUTES", 32_767),
        ("CAPITAL_SYNC_MARKETS_MINUTES", 32_767),
        ("CAPITAL_WATCH_MINUTES", 32_767),
        ("CAPITAL_ALERT_UNREADABLE_MINUTES", 525_600),
        ("CAPITAL_KEEP_JOB_DAYS", 36_500),
    ],
)
def test_a_time_that_no_schedule_or_date_holds_is_refused_by_name(name: str, most: int) -> None:
    assert f"{name} must be at most {most}." in refusal(**COMPLETE, **{name: str(most + 1)})
    assert read(name, **{name: str(most)}) == [most]


@pytest.mark.parametrize("name", ["CAPITAL_CLOSE_DAY_AT", "CAPITAL_PRUNE_AT"])
@pytest.mark.parametrize("value", ["24:00:00", "0:00:30", "00:00", "00:00:30+09:00", "midnight"])
def test_a_time_of_day_that_is_none_is_refused_by_name(name: str, value: str) -> None:
    assert f"{name} must be a time of day such as" in refusal(**COMPLETE, **{name: value})


def test_reading_fills_can_be_switched_off() -> None:
    assert read("CAPITAL_SYNC_FILLS_MINUTES", CAPITAL_SYNC_FILLS_MINUTES="0") == [0]
    assert "CAPITAL_SYNC_FILLS_MINUTES must be a whole number, 0 or more." in refusal(
        **COMPLETE, CAPITAL_SYNC_FILLS_MINUTES="-1"
    )


def test_the_jobs_run_as_the_specification_says() -> None:
    assert read(
        "CAPITAL_SYNC_MINUTES",
        "CAPITAL_REALLOCATE_MINUTES",
        "CAPITAL_SYNC_MARKETS_MINUTES",
        "CAPITAL_SYNC_FILLS_MINUTES",
        "CAPITAL_CLOSE_DAY_AT",
        "CAPITAL_PRUNE_AT",
        "CAPITAL_KEEP_JOB_DAYS",
        "CAPITAL_JOB_CHUNK",
    ) == [1, 11, 720, 5, "00:00:30", "03:30:00", 30, 200]


def test_the_queues_own_lines_are_for_those_who_ask_for_debug() -> None:
    levels = [
        read("LOGGING", LOG_LEVEL=level)[0]["loggers"]["django-q"]["level"]
        for level in ("DEBUG", "INFO", "ERROR")
    ]

    assert levels == ["DEBUG", "WARNING", "ERROR"]
