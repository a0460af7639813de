"""Progress of long calls: stages, time left, and displays of them."""
