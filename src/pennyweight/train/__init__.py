"""Training that needs torch; nothing here is imported until it is asked for."""
