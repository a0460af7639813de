"""Capacity planning: hardware, time and cost of a recommender before it is bought."""
