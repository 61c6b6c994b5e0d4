"""What the server tells about its work: request ids, log lines, metrics, traces. docs/observability.md tells the design."""
