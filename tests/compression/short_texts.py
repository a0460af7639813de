"""A hundred texts over the vocabulary of the tiny BERT."""

TEXTS = [f"red {a}{b} shoe {b}{a}{a} music blue" for a in "abcdefghij" for b in "klmnopqrst"]
