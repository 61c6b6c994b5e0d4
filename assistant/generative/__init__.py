"""Answers written by a model behind an OpenAI-compatible address. Importing this imports no client; docs/models.md tells the parts."""
