"""``/metrics``, for Prometheus: who may read it, what it tells, and how requests are counted."""
