"""Training of language models and sequence models, mostly with torch."""
