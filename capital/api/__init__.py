"""The HTTP API: thin views over the services. Each parses, makes one call, and translates."""
