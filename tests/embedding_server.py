"""A server of embeddings and chats on loopback that misbehaves as a test says."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

DIM = 8
PATIENCE = 60.0  # seconds; a client that has not given up by then never does
KEY = "secret-of-the-test"


def vector(text: str, dim: int = DIM) -> list[float]:
    """Return the embedding of a text: the sum of random vectors of its words."""
    total = np.zeros(dim)
    for word in text.split():
        seed = int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "big")
        total += np.random.default_rng(seed).normal(size=dim)
    return total.tolist()


class Fault:
    """One wrong answer: a status, headers and a body, or a change of the right answer.

    A silent one is sent only once the test sets `EmbeddingServer.speak`.
    """

    def __init__(
        self,
        status: int = 200,
        body: bytes | Callable[[dict[str, Any]], Any] = b"{}",
        *,
        headers: dict[str, str] | None = None,
        cut: int = 0,
        silent: bool = False,
    ) -> None:
        self.status, self.body, self.headers = status, body, headers or {}
        self.cut, self.silent = cut, silent


class EmbeddingServer:
    """The server: its address, the requests it got, and the faults that come next."""

    def __init__(self, context: ssl.SSLContext | None = None, *, port: int = 0) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.faults: list[Fault] = []
        self.always: Fault | None = None
        self.speak = threading.Event()
        self.key: str | None = None
        self.refused_text: str | None = None
        self.chat: Callable[[dict[str, Any]], str] = lambda body: "{}"
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append(body)
                server.keys.append(self.headers.get("Authorization"))
                fault = server.next_fault(self.headers.get("Authorization", ""), body)
                self.answer(fault, server.right_answer(self.path, body))

            def answer(self, fault: Fault, right: dict[str, Any]) -> None:
                server.wait_if(fault.silent)
                content = fault.body
                if content is None:
                    content = json.dumps(right).encode()
                elif callable(content):
                    content = json.dumps(content(right)).encode()
                try:
                    self.send_response(fault.status)
                    for name, value in fault.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content[: len(content) - fault.cut])
                    if fault.cut:
                        self.close_connection = True
                except OSError:
                    pass  # the client gave up

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        port = self._http.server_address[1]
        self.address = f"http://127.0.0.1:{port}/v1"
        if context is not None:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
            self.address = f"https://localhost:{port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def wait_if(self, silent: bool) -> None:
        if silent:
            self.speak.wait(PATIENCE)

    def next_fault(self, key: str, body: dict[str, Any]) -> Fault:
        if self.key and key != f"Bearer {self.key}":
            return Fault(401, json.dumps({"error": f"wrong key {key}"}).encode())
        if self.refused_text in body.get("input", ()):
            return Fault(400, b"this text is refused")
        return self.faults.pop(0) if self.faults else self.always or Fault(200, None)

    def right_answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == "/v1/chat/completions":
            content = self.chat(body)
            usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
            message = {"role": "assistant", "content": content}
            return {"choices": [{"index": 0, "message": message}], "usage": usage}
        assert path == "/v1/embeddings", path
        texts = body["input"]
        data = [{"index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
        tokens = sum(len(text.split()) for text in texts)
        return {"data": data[::-1], "model": body["model"], "usage": {"total_tokens": tokens}}

    @property
    def texts(self) -> list[str]:
        """All texts that were sent, in order."""
        return [text for request in self.requests for text in request["input"]]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.speak.set()
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def embedding_server(
    faults: Sequence[Fault] = (), *, context: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[EmbeddingServer]:
    server = EmbeddingServer(context, port=port)
    server.faults += faults
    server.start()
    try:
        yield server
    finally:
        server.stop()
