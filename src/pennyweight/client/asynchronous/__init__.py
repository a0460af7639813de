"""The client for asyncio; the other is made from it by `clients/synchronous.py`."""
