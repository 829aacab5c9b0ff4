"""Django's PostgreSQL: it asks less whether a connection works, and keeps what is asked often."""
