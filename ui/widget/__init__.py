"""The web component that portals embed, served as one script. docs/embedding.md describes it, ``source/`` holds its modules."""

from ui.widget.script import routes

__all__ = ["routes"]
