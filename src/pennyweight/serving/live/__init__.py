"""The live service: served bundles, histories, and the lists made of them."""
