"""The admin: thin pages over the services. Parse, one service call, translate."""
