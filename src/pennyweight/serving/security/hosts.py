"""From where one may ask: addresses, names of this machine, and pages of other sites."""

import ipaddress
from collections.abc import Mapping

from pennyweight.errors import PlanError
from pennyweight.serving.http.problems import Refusal

__all__ = ["Headers", "check_binding", "check_host", "check_site"]

Headers = Mapping[bytes, bytes]

LOCAL = frozenset((b"localhost", b"127.0.0.1", b"[::1]"))


def check_binding(host: str, *, has_keys: bool) -> None:
    """Raise `PlanError` where a service without keys would be open to the network."""
    if not has_keys and not _is_loopback(host):
        raise PlanError(
            f"host {host!r} is reachable from the network, and there are no keys; create one with "
            "`pennyweight keys create --scope read`, or serve on 127.0.0.1"
        )


def check_host(host: bytes | None) -> None:
    """Refuse names that lead to this machine but are not its own (DNS rebinding).

    Any page can let its own name lead to 127.0.0.1 and would then be of the same origin
    as the service; the browser still sends the page's name as ``Host``.
    """
    host = (host or b"").lower()
    name, _, port = host.rpartition(b":")
    if host in LOCAL or (port.isdigit() and name in LOCAL):
        return
    raise Refusal(
        403,
        "without keys only localhost, 127.0.0.1 and [::1] are served; use one of these hosts",
    )


def check_site(headers: Headers) -> None:
    """Refuse requests that a page of another site makes a browser send.

    ``Sec-Fetch-Site`` decides where a browser sends it, for no page can set it and it
    holds behind a proxy that changes ``Host``; else ``Origin``, if any, must be the host.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        allowed = site in (b"same-origin", b"none")
    else:
        origin = headers.get(b"origin")
        allowed = origin is None or _is_host(origin, headers.get(b"host"))
    if not allowed:
        raise Refusal(403, "cross-site request; send it from a page of the service")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_host(origin: bytes, host: bytes | None) -> bool:
    scheme, _, name = origin.lower().partition(b"://")
    return host is not None and scheme in (b"http", b"https") and name == host.lower()
