"""From the files of a corpus to ranked passages and sentences."""
