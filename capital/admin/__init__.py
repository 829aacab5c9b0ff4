"""The admin: thin pages over the services. Parse, one service call, translate.

``pages`` registers them. It is not imported here, because templates use ``formats`` while
unfold itself is still being imported.
"""
