"""Where things are."""

from django.urls import path

from capital_project.views import index

urlpatterns = [path("", index, name="index")]
