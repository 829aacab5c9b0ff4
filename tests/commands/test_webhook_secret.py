"""``webhook_secret``: a secret is shown once, or removed."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from capital.models import WebhookSecret
from capital.services.webhooks.secrets import Proof, check_proof
from tests.factories import make_strategy

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("webhook_secret", *arguments, stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue()


def test_secret_alone_is_on_stdout_and_opens_the_webhook() -> None:
    strategy = make_strategy(key="trend")

    secret, told = run("trend")

    assert check_proof("trend", Proof(token=secret)).strategy == strategy
    assert "not be shown again" in told
    assert "POST /api/v1/hooks/trend/" in told


def test_removed_secret_opens_nothing() -> None:
    make_strategy(key="trend")
    run("trend")

    assert run("trend", "--remove")[0] == "The webhook is off and its secret no longer works."
    assert run("trend", "--remove")[0] == "The webhook is already off."
    assert not WebhookSecret.objects.exists()


def test_unknown_strategy_is_a_bad_argument() -> None:
    with pytest.raises(CommandError, match="Strategy nowhere not found") as refused:
        run("nowhere")

    assert refused.value.returncode == 2
