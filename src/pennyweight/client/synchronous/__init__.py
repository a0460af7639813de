"""The client without asyncio; made by `clients/synchronous.py`, so change the other."""
