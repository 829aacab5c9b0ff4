"""Processes are killed between the commit of an alert and its sending: nothing is lost.

The messages go to a local web server, as a signed webhook.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.channels.servers import WebServer, web_server
from tests.end_to_end.cluster.processes import wait_for
from tests.end_to_end.cluster.stage import Stage

# A guard looks every half a minute.
PATIENCE_SECONDS = 120

# A stop of everybody, by a process that dies once that is committed, before it can queue a task.
STOP_AND_DIE = """
import os
from django.contrib.auth.models import User
from django.db import transaction
from capital.models import AlertTarget
from capital.services.alerts import TargetFields, save_target
from capital.services.limits import Scope, place_stop
user = User.objects.create_superuser("maria", "", "x")
save_target(AlertTarget(user=user), TargetFields(
    name="hook", channel="webhook", address="{address}", signing_secret="CANARY-of-the-hook",
))
with transaction.atomic():
    transaction.on_commit(lambda: os._exit(9))
    place_stop(Scope(everybody=True), reason="news", actor=None)
"""


@pytest.fixture
def hook() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


def stop_and_die(stage: Stage, hook: WebServer) -> None:
    stage.settings["CAPITAL_ALERT_PRIVATE_ADDRESSES"] = "1"
    address = f"http://{hook.address}/CANARY-path"
    done = stage.python(
        "manage.py", "shell", "-c", STOP_AND_DIE.format(address=address), check=False
    )
    assert done.returncode == 9, done.stderr


def titles(hook: WebServer) -> list[str]:
    return [json.loads(body)["title"] for _path, _headers, body in hook.requests]


def test_an_alert_whose_process_died_after_its_commit_is_sent(
    stage: Stage, hook: WebServer
) -> None:
    stop_and_die(stage, hook)
    assert stage.database.value("SELECT count(*) FROM capital_alert WHERE spread_at IS NULL") == 1
    assert stage.queue_size == 0

    cluster = stage.start_cluster()
    wait_for(lambda: hook.requests, "the message arrives", seconds=PATIENCE_SECONDS)
    stage.wait_until_queue_is_empty(seconds=PATIENCE_SECONDS)

    assert titles(hook) == ["[Capital] stop of entries"]
    assert "CANARY" not in cluster.log_text


def test_a_message_whose_senders_were_killed_is_sent_by_the_next_ones(
    stage: Stage, hook: WebServer
) -> None:
    hook.status = 500
    stop_and_die(stage, hook)
    first = stage.start_cluster()
    wait_for(lambda: hook.requests, "it is tried", seconds=PATIENCE_SECONDS)
    first.kill()
    hook.status = 200
    # As if its claim had lapsed, and the pause was over.
    stage.database.execute(
        "UPDATE capital_alertdelivery SET due_at = %s, claimed_at = NULL WHERE sent_at IS NULL",
        datetime.now(UTC) - timedelta(seconds=1),
    )

    stage.start_cluster()
    wait_for(lambda: len(hook.requests) > 1, "it arrives", seconds=PATIENCE_SECONDS)

    assert set(titles(hook)) == {"[Capital] stop of entries"}
