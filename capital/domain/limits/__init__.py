"""Never more than the capital: reservations, limits and stops."""
