"""The client of a running service, typed and without the rest of Pennyweight.

from pennyweight.client import Client

with Client("http://127.0.0.1:8000") as client:
client.send_event("ada", "treasure-island")
for item in client.recommend("ada", k=3, fields=["title"]).items:
print(item.attributes["title"])
"""

from pennyweight.errors import MissingExtraError

try:
    import httpx as _  # noqa: F401
except ImportError:
    raise MissingExtraError("The client of a service", "client") from None

from pennyweight.client.asynchronous.client import AsyncClient
from pennyweight.client.errors import (
    AccessError,
    ClientError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    ServiceError,
    UnreachableError,
)
from pennyweight.client.retries import Retries
from pennyweight.client.synchronous.client import Client
from pennyweight.records import EventRecord, ItemRecord

__all__ = [
    "AccessError",
    "AsyncClient",
    "Client",
    "ClientError",
    "ConflictError",
    "EventRecord",
    "InvalidRequestError",
    "ItemRecord",
    "NotFoundError",
    "OverloadedError",
    "Retries",
    "ServiceError",
    "UnreachableError",
]
