"""Ways to tell somebody something. They know no rows: see ``contract``.

Each module is loaded when its channel is used first: some cost a third of a second and 44 MB.
"""
