"""URLs of the site."""

from django.contrib import admin
from django.urls import include, path

from capital_project.metrics.views import metrics
from capital_project.views import healthz, index, readyz, workers

urlpatterns = [
    path("", index, name="index"),
    path("admin/", admin.site.urls),
    path("api/", include("capital.api.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("workers", workers, name="workers"),
    path("metrics", metrics, name="metrics"),
]

handler400 = "capital_project.views.bad_request"
handler403 = "capital_project.views.permission_denied"
handler404 = "capital_project.views.not_found"
handler500 = "capital_project.views.server_error"
