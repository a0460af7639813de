"""Rules that find personal data in text, one kind of data per module."""
