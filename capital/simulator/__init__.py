"""A local exchange over real HTTP, for the demo, the tests and for trying things without keys.

``server.SimulatedExchange`` runs it; ``state.ExchangeState`` holds its accounts and their faults.
Importing this package, or its state, does not import aiohttp.
"""
