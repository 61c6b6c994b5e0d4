"""Who is asking, what they may read, and from which pages they may ask. docs/access.md tells the design."""
