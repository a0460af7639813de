"""Full-ranking evaluation: ranks, metrics, intervals, and the report as a page."""
