"""A small portal on an origin of its own that embeds the assistant in every way. docs/embedding.md tells how to start it."""
