"""A POST that allocates: one account, or all of the caller's."""

from collections.abc import Sequence
from typing import Any

from capital.addresses import client_address
from capital.api.frame.base import DeskView
from capital.api.shapes.bodies import AllocateRequest
from capital.api.shapes.runs import previews_as_json, runs_as_json
from capital.models import Trigger
from capital.services.allocation.allocate import allocate_capital, preview_allocation


def allocate(view: DeskView, account_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Decide, or preview, as the body of the present request says.

    The caller must have shown that every account is theirs.
    """
    request = view.request
    asked = AllocateRequest(data=request.data)
    asked.is_valid(raise_exception=True)
    values = asked.validated_data
    how = {
        "trigger": Trigger.API,
        "live": not values["cached"],
        "force": values["force"],
        "accept_jump": values["accept_jump"],
    }
    view.check_extraordinary(force=values["force"], accept_jump=values["accept_jump"])
    if values["dry_run"]:
        return previews_as_json(preview_allocation(account_ids, **how))
    runs = allocate_capital(
        account_ids,
        actor=request.user,  # type: ignore[arg-type]  # permissions were checked
        run_key=view.run_key,
        origin=client_address(request),
        **how,
    )
    return runs_as_json(runs)
