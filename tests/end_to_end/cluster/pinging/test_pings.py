"""A real cluster pings after its jobs; a server that never answers keeps no task waiting."""

import time

from tests.channels.servers import web_server
from tests.end_to_end.cluster.processes import wait_for
from tests.end_to_end.cluster.stage import Stage

CANARY = "c4n4ry-4444-5555"
PRUNE = "capital.tasks.prune"


def test_worker_pings_after_a_job_and_names_the_url_nowhere(stage: Stage) -> None:
    with web_server() as server:
        stage.settings["CAPITAL_PING_URL"] = f"http://{server.address}/{CANARY}"
        cluster = stage.start_cluster()
        stage.enqueue(PRUNE)
        wait_for(lambda: server.requests, "the check is asked", seconds=30)
        server.status = 500
        stage.enqueue(PRUNE)
        said = "CAPITAL_PING_URL did not take the ping: HTTP 500."
        wait_for(lambda: said in cluster.log_text, "the refusal is logged", seconds=30)

    # Other jobs never ran here, so not all is well.
    assert {path for path, _, _ in server.requests} <= {f"/{CANARY}", f"/{CANARY}/fail"}
    assert CANARY not in cluster.log_text


def test_server_that_never_answers_delays_no_task(stage: Stage) -> None:
    with web_server(0) as server:
        stage.settings["CAPITAL_PING_URL"] = f"http://{server.address}/{CANARY}"
        stage.start_cluster()
        stage.enqueue(PRUNE)
        wait_for(lambda: server.requests, "the check is asked", seconds=30)
        began = time.monotonic()
        for _ in range(5):
            stage.enqueue(PRUNE)
        stage.wait_until_queue_is_empty(seconds=60)
        # It waits for ten seconds before it gives up.
        assert time.monotonic() - began < 9
        assert len(stage.job_runs()) == 6
