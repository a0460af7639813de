"""Files: written whole or not at all, with checksums, without pickle."""
