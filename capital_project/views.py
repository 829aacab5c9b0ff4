"""The front page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def index(request: HttpRequest) -> HttpResponse:
    """Say what this is and where things are."""
    return render(request, "index.html")
