"""What is answered while the database is away: 503, and a page that tries again."""

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from capital_project.views import database_away, is_database_away


class DatabaseAway(MiddlewareMixin):
    """Middleware: a page whose database did not answer is no error of the server.

    What fails outside a page, as in the middleware of sessions, comes to ``views.server_error``.
    """

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a page that met it; leave other errors to others."""
        return database_away(request, error) if is_database_away(error) else None
