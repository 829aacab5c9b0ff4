"""What of our answers may be kept by others: nothing of the API."""

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from capital.api.frame.problems import is_api


class NoStoreMiddleware(MiddlewareMixin):
    """No browser and no proxy keeps an answer of the API, whether it succeeded or not."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Say so on every answer below ``/api/``."""
        if is_api(request):
            response.headers["Cache-Control"] = "no-store"
        return response
