"""URLs of the API."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from capital.api.views.access import AccountAccesses
from capital.api.views.accounts import Accounts, DailySummaries
from capital.api.views.allocation import Allocate, AllocationRuns
from capital.api.views.capital import Capital
from capital.api.views.hooks import Hooks, NamedHooks
from capital.api.views.links import NamedLinks
from capital.api.views.needs import Needs
from capital.api.views.performance import Performance
from capital.api.views.public import Description, NotFoundView
from capital.api.views.reservations import Reservations
from capital.api.views.stops import StopAll, Stops
from capital.api.views.strategies import Strategies, StrategyAccounts
from capital.api.views.trading import Fills, Flows, LinkDays, Markets, Positions

orders = SimpleRouter()
orders.register("strategy-accounts", StrategyAccounts, "strategy-accounts")
orders.register("capital", Capital, "capital")
router = SimpleRouter()
router.register("accounts", Accounts, "accounts")
router.register("account-access", AccountAccesses, "account-access")
router.register("strategies", Strategies, "strategies")
router.register("daily-summaries", DailySummaries, "daily-summaries")
router.register("allocation-runs", AllocationRuns, "allocation-runs")
router.register("positions", Positions, "positions")
router.register("fills", Fills, "fills")
router.register("flows", Flows, "flows")
router.register("link-days", LinkDays, "link-days")
router.register("stops", Stops, "stops")
router.register("reservations", Reservations, "reservations")
router.register("markets", Markets, "markets")

NAMED = (("size", "post"), ("positions", "put"), ("fills", "post"), ("reservations", "post"))

urlpatterns = [
    path(
        "v1/",
        include(
            [
                # Routes are tried in turn: what bots ask with each order comes first.
                *orders.urls,
                path("allocate/", Allocate.as_view({"post": "allocate"}), name="allocate"),
                path("stop/", StopAll.as_view({"post": "stop"}), name="stop"),
                path("needs/", Needs.as_view({"get": "list"}), name="needs"),
                path("performance/", Performance.as_view({"get": "list"}), name="performance"),
                path("hooks/<slug:key>/", Hooks.as_view(), name="hooks"),
                path("hooks/<slug:key>/<slug:name>/", NamedHooks.as_view(), name="hooks"),
                # An account's name may have anything in it, a slash too.
                *(
                    path(
                        f"strategies/<slug:key>/accounts/<path:name>/{verb}/",
                        NamedLinks.as_view({method: verb}),
                        name=f"named-{verb}",
                    )
                    for verb, method in NAMED
                ),
                *router.urls,
            ]
        ),
    ),
    path("schema/", Description.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    # 404 as a problem object, not a page; and no redirect, which would lose the request body.
    re_path("^", NotFoundView.as_view()),
]
