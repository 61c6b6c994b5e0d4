"""The HTTP API, mounted at ``/api``: ``/v1`` (docs/api.md), ``/openai/v1``, ``/mcp``."""
