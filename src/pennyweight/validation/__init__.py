"""What is wrong with the data, and what leaks: findings with examples and remedies."""
