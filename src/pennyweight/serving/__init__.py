"""The service: what `fit` returned, live over HTTP."""
