"""The socket that clients connect to, and how many connections are accepted at a time."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pennyweight.errors import PlanError

__all__ = ["listening"]

QUEUE = 2_048  # connections that may wait to be accepted
ACCEPTS = 16  # connections accepted in one turn of the event loop


@contextmanager
def listening(host: str, port: int, *, accepts: int = ACCEPTS) -> Iterator[list[socket.socket]]:
    """Listen on an address, before anything is loaded.

    libuv accepts one connection of each socket in a turn of the event loop. While there is much
    to do a turn takes tens of milliseconds, and new connections would wait for minutes; so the
    event loop gets several descriptors of the one socket.

    Raises
    ------
    PlanError
        The address cannot be had.
    """
    try:
        family = socket.getaddrinfo(host, port)[0][0]
        sock = socket.create_server((host, port), family=family, backlog=QUEUE)
    except OSError as error:
        raise PlanError(
            f"{host}, port {port}: {error.strerror}; choose another "
            "with --host and --port, or --port 0"
        ) from None
    with ExitStack() as stack:
        sockets = [stack.enter_context(sock)]
        sockets += [stack.enter_context(sock.dup()) for _ in range(accepts - 1)]
        yield sockets
