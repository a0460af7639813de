"""Files: atomic writes, checksums, no pickle."""
