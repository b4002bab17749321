"""The agent's API: HTTP over a unix socket. Reads snapshots of the node's state; no logic of its own.

`GET /v1/<noun>` answers `{"schema": "weft.<noun>/v1", "items": [...]}`, errors `{"error": "..."}`.
"""
