"""Proxies in front of the service: whose headers are believed, and below which path it appears."""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from pennyweight.errors import PlanError

__all__ = [
    "DIRECT",
    "OWN_PATHS",
    "Proxies",
    "behind_proxies",
    "location",
    "path_below",
    "read_networks",
    "read_root_path",
    "without_slash",
]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Bounds on the forwarding headers of a request: a client can send thousands of addresses.
HOPS, CHARS = 32, 2_048
ROOT_CHARS = 200
# First segments of the service's own paths: such a prefix would be ambiguous.
OWN_PATHS = frozenset(
    (
        "api",
        "dashboard",
        "docs",
        "health",
        "login",
        "logout",
        "metrics",
        "openapi.json",
        "playground",
        "static",
        "v1",
    )
)
_ROOT = re.compile(r"(/[A-Za-z0-9._~-]+)+")
# name=value of RFC 7239, where a value may be quoted; text between them ends an element.
_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))\s*(?=[;,]|$)')


@dataclass(frozen=True)
class Proxies:
    """The proxies in front of the service.

    Attributes
    ----------
    trusted
        Addresses whose ``X-Forwarded-For``, ``X-Forwarded-Proto`` and ``Forwarded`` are
        believed; those of all others are ignored.
    root_path
        The path below which a proxy offers the service, such as ``/shop``; the proxy may
        remove it from requests or leave it.
    """

    trusted: tuple[Network, ...] = ()
    root_path: str = ""


DIRECT = Proxies()


def read_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas; `PlanError` names any other text."""
    networks = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise PlanError(
                f"--trusted-proxies: {part!r} is neither an address nor a network ({error}); "
                "write 10.0.0.7 or 10.0.0.0/8"
            ) from None
    return tuple(networks)


def read_root_path(text: str) -> str:
    """Return the prefix of a proxy without a slash at its end; `PlanError` where it cannot be."""
    path = text.rstrip("/")
    segments = path.split("/")[1:]
    if not path:
        return ""
    if not _ROOT.fullmatch(path) or {".", ".."} & set(segments) or len(path) > ROOT_CHARS:
        raise PlanError(
            f"--root-path {text!r}: begin with /, and use letters, digits, '.', '_', '~' and '-', "
            f"up to {ROOT_CHARS} altogether, such as /shop"
        )
    if segments[0] in OWN_PATHS:
        raise PlanError(
            f"--root-path {text!r}: /{segments[0]} is a path of the service itself; choose a "
            "prefix that begins otherwise, such as /shop"
        )
    return path


def path_below(scope: Scope) -> str:
    """Return the path that is routed by: without the prefix of a proxy."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def location(scope: Scope, path: str) -> str:
    """Return where a client finds a path of the service, without a host: that may be another's."""
    return f"{scope.get('root_path', '')}{path}"


def behind_proxies(app: ASGIApp, proxies: Proxies) -> ASGIApp:
    """Return an application that knows of its proxies; the same one where there are none."""
    return BehindProxies(app, proxies) if proxies != DIRECT else app


class BehindProxies:
    """ASGI middleware that takes the client, the scheme and the prefix from proxies.

    Parameters
    ----------
    app
        The application that answers.
    proxies
        Which are trusted, and the prefix.
    """

    def __init__(self, app: ASGIApp, proxies: Proxies) -> None:
        self._app, self._proxies = app, proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as it was when it reached the first proxy."""
        if scope["type"] == "http":
            if self._proxies.root_path:
                _place(scope, self._proxies.root_path)
            if self._proxies.trusted:
                _believe(scope, self._proxies.trusted)
        await self._app(scope, receive, send)


def _place(scope: Scope, root: str) -> None:
    """Put the prefix before a path that lacks it."""
    path, prefix = scope["path"], b""
    if path == root:
        scope["path"] = root + "/"
    elif not path.startswith(f"{root}/"):
        scope["path"], prefix = root + path, root.encode()
    scope["root_path"] = root
    if prefix and scope.get("raw_path") is not None:
        scope["raw_path"] = prefix + scope["raw_path"]


def _believe(scope: Scope, trusted: Sequence[Network]) -> None:
    """Take client and scheme from the headers of a trusted proxy.

    A proxy that sets one of the two kinds of headers may pass on the other as a client wrote
    it. Where the two disagree, neither is believed.
    """
    client = scope.get("client")
    peer = None if client is None else _address(client[0])
    if peer is None or not _is_in(peer, trusted):
        return
    usual = _combined(scope, b"x-forwarded-for"), _combined(scope, b"x-forwarded-proto")
    standard = _combined(scope, b"forwarded")
    origins = []
    if any(usual):
        origins.append(_first_client(peer, _listed(usual[0]), _listed(usual[1]), trusted))
    if standard:
        elements = list(_elements(standard))
        hosts = [element.get("for", "") for element in elements]
        schemes = [element.get("proto", "") for element in elements]
        origins.append(_first_client(peer, hosts, schemes, trusted))
    addresses, client_schemes = (
        {address for address, _ in origins},
        {scheme for _, scheme in origins},
    )
    if len(addresses) == 1:
        scope["client"] = (str(addresses.pop()), 0)
        if len(client_schemes) == 1 and (scheme := client_schemes.pop()) is not None:
            scope["scheme"] = scheme


def _first_client(
    peer: Address, hosts: Sequence[str], schemes: Sequence[str], trusted: Sequence[Network]
) -> tuple[Address, str | None]:
    """Return the nearest address that is no trusted proxy, and the scheme it asked by.

    Each proxy appends the address of its client, so addresses that a client made up come first.
    """
    client, hops = peer, 0
    for host in reversed(hosts[-HOPS:]):
        address = _address(host)
        if address is None:  # hidden, or made up: the trusted hops end at the proxy that reports it
            break
        client = address
        if not _is_in(address, trusted):
            break
        hops += 1
    scheme = schemes[-1 - min(hops, len(schemes) - 1)].lower() if schemes else ""
    return client, scheme if scheme in ("http", "https") else None


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> Address | None:
    """Return an address, with or without a port, or None."""
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)  # how a socket of both kinds names IPv4
    return address if mapped is None else mapped


def _combined(scope: Scope, name: bytes) -> str:
    values = [value for header, value in scope["headers"] if header == name]
    return b",".join(values)[-CHARS:].decode("latin-1")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


def _elements(text: str) -> Iterator[dict[str, str]]:
    """Yield the elements of a ``Forwarded`` header; what cannot be read is an empty one."""
    element: dict[str, str] = {}
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            comma = text.find(",", at)
            at = len(text) if comma < 0 else comma
            element = {}
        else:
            name, quoted, plain = pair.groups()
            element[name.lower()] = plain if quoted is None else quoted.replace("\\", "")
            at = pair.end()
        if at >= len(text) or text[at] == ",":
            yield element
            element = {}
        at += 1


def without_slash(router: Router) -> ASGIApp:
    """Return an application for unknown paths, which redirects paths with an extra slash.

    A router's own redirect names the host as the client did, who may have made it up.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = path_below(scope)
        shorter = path.rstrip("/")
        if not shorter or shorter == path or not _has(router, scope, shorter):
            raise HTTPException(404)
        query: Any = scope.get("query_string", b"").decode("latin-1")
        target = quote(location(scope, shorter)) + (f"?{query}" if query else "")
        await Response(status_code=307, headers={"Location": target})(scope, receive, send)

    return answer


def _has(router: Router, scope: Scope, path: str) -> bool:
    target = {**scope, "path": location(scope, path)}
    return any(route.matches(target)[0] is not Match.NONE for route in router.routes)
