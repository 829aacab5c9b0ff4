"""Asking for previews from a page: once a form, and with a look at who has answered."""
