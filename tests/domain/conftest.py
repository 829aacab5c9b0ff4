from hypothesis import HealthCheck, settings

# A busy machine is no defect: only what is answered counts, not how fast.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
