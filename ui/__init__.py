"""The chat page and the server that carries it."""
