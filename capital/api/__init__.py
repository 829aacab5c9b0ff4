"""The HTTP API: thin views over the services. Parse, one service call, translate."""
