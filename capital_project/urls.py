"""Where things are."""

from django.urls import path

from capital_project.views import healthz, index, readyz

urlpatterns = [
    path("", index, name="index"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
