"""How the reader's weights (``assistant/models/reader.onnx``) were trained; docs/reader.md is their model card."""
