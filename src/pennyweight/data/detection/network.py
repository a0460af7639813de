"""IP addresses, and links that identify a user."""

import ipaddress
import re

from pennyweight.data.detection.columns import ColumnName
from pennyweight.data.detection.text import Detector, is_preceded, spans_of

__all__ = ["IP", "LINK"]

_IP4 = r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w]|\.[0-9])"
_IP6 = (
    r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:{1,2}){2,7}(?:[0-9A-Fa-f]{0,4}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})"
    r"(?![\w:])"
)
_VERSION = re.compile(
    r"(?:\bv|\bver|version|release|firmware|build|section|paragraph|chapter|driver|bios|update|os"
    r"|software|revision|§)[.:]? ?$",
    re.IGNORECASE,
)
_WORD = re.compile(
    r"\bip(?:v[46])?(?: ?-?address| ?-?adresse)?(?: (?:is|was|of|from))?[:= ]{1,3}$", re.IGNORECASE
)
_PUBLIC6 = ipaddress.IPv6Network("2000::/3")  # global unicast (RFC 4291)
# Reserved for examples (RFC 5737), which stand for public ones.
_EXAMPLES = tuple(
    ipaddress.IPv4Network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)


def _is_ip(match: re.Match[str], column: ColumnName) -> bool:
    return _is_ip6(match[0]) if ":" in match[0] else _is_ip4(match, column)


def _is_ip6(text: str) -> bool:
    try:  # "a::b" is rather a name in C++
        return ipaddress.IPv6Address(text) in _PUBLIC6
    except ValueError:
        return False


def _is_ip4(match: re.Match[str], column: ColumnName) -> bool:
    try:
        address = ipaddress.IPv4Address(match[0])
    except ValueError:
        return False
    if address.is_multicast or not (
        address.is_global or any(address in network for network in _EXAMPLES)
    ):
        return False
    text, start = match.string, match.start()
    if column.kind == "IP address" or is_preceded(text, start, _WORD):
        return True
    if is_preceded(text, start, _VERSION):
        return False
    # 1.2.3.4 is rather the number of a paragraph, 12.14.18.20 of a version
    lengths = [len(part) for part in match[0].split(".")]
    return max(lengths) == 3 and sum(n > 1 for n in lengths) > 1 and not column.is_code


IP = Detector(
    (r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f:]{2,}",),
    spans_of(re.compile(f"{_IP4}|{_IP6}"), _is_ip),
)

_URL = r"(?i:https?://|www\.)[^\s\"'<>]{0,2000}?"
_LINK = re.compile(
    rf"{_URL}[?&;#](?i:user_?id|uid|user|username|customer_?id|member_?id|account_?id|login|email|e-mail"
    r"|token|access_token|auth_?token|auth|session_?id|session|phpsessid|jsessionid|sid|api_?key"
    r"|jwt|id_token|refresh_token|password|pwd|passwd)=(?P<value>[^\s&;#\"'<>]+)[^\s\"'<>]*"
    r"|(?i:https?|ftp)://[^\s/:@\"'<>]+:[^\s/@\"'<>]+@[^\s\"'<>]+"
    rf"|{_URL}/(?:users?|customers?|accounts?|members?|profiles?)/[0-9]{{4,}}[^\s\"'<>]*"
    rf"|{_URL};(?i:jsessionid)=[^\s\"'<>]+"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
)


def _is_link(match: re.Match[str], column: ColumnName) -> bool:
    value = match["value"]
    return value is None or len(value) >= 3


LINK = Detector((r"(?i)https?://|www\.|ftp://|eyJ",), spans_of(_LINK, _is_link))
