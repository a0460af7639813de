import asyncio
import socket
import time

import pytest
import uvloop

from pennyweight.errors import PlanError
from pennyweight.serving.http.listening import ACCEPTS, listening

CONNECTIONS = 10 * ACCEPTS


class Counted(asyncio.Protocol):
    def __init__(self, made: list[asyncio.BaseTransport]) -> None:
        self.made = made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made.append(transport)


async def turns_until_accepted(sockets: list[socket.socket]) -> int:
    loop = asyncio.get_running_loop()
    made: list[asyncio.BaseTransport] = []
    servers = [
        await loop.create_server(lambda: Counted(made), sock=sock, backlog=2 * CONNECTIONS)
        for sock in sockets
    ]
    address = sockets[0].getsockname()
    clients = [socket.create_connection(address, timeout=60) for _ in range(CONNECTIONS)]
    turns = 0
    while len(made) < CONNECTIONS and turns < 2 * CONNECTIONS:
        turns += 1
        time.sleep(0.002)  # a turn in which there was much to do
        await asyncio.sleep(0)
    for client in clients:
        client.close()
    for transport in made:
        transport.close()
    for server in servers:
        server.close()
    assert len(made) == CONNECTIONS
    return turns


def test_a_busy_loop_accepts_several_connections_in_a_turn():
    with listening("127.0.0.1", 0) as sockets:
        turns = uvloop.run(turns_until_accepted(sockets))
    assert turns <= 2 * CONNECTIONS / ACCEPTS + 5


def test_an_address_that_is_taken_is_named():
    with listening("127.0.0.1", 0) as sockets:
        port = sockets[0].getsockname()[1]
        with pytest.raises(PlanError, match=rf"127\.0\.0\.1, port {port}: .*--port"):
            with listening("127.0.0.1", port):
                pass


def test_the_address_is_free_afterwards():
    with listening("127.0.0.1", 0) as sockets:
        port = sockets[0].getsockname()[1]
    with listening("127.0.0.1", port) as sockets:
        assert sockets[0].getsockname()[1] == port
