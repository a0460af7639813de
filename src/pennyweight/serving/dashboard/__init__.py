"""The dashboard: pages for those who run the service, readable without a script."""
