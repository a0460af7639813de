"""Training of models, mostly with torch; nothing here is imported until it is asked for."""
