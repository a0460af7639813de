"""The service: bundles, events and items, live over HTTP."""
