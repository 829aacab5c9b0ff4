"""A local exchange over real HTTP, for the demo, the tests and for trying things without keys.

``server.SimulatedExchange`` runs it; ``desk.Desk`` is what it knows of accounts. Importing
this package, or the desk, does not import aiohttp.
"""
