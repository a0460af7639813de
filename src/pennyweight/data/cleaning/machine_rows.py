"""Rows of bots, tests, staff and failed requests, which count but are noted."""

import re
import shlex
from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.negations import words_of
from pennyweight.data.cleaning.yes_no import NO, YES
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import column_option
from pennyweight.errors import in_list

__all__ = ["is_machine_flag", "note_machines"]

_FLAG = re.compile(
    r"(is|was|has)?((known|likely|suspected)?(bot|robot|crawler|spider)s?(traffic|flag|user|visit|hit)?"
    r"|test(order|event|user|data|transaction|purchase|hit|traffic|flag|mode|account)?"
    r"|internal(traffic|user|visit|hit|order)?|staff|employee|debug(mode)?|sandbox|automated"
    r"|excluded?(hit)?|invalidtraffic|qa)"
)
_AGENT = re.compile(r".*user_?agent(_?string)?|ua|ua_?string|browser(_?name)?", re.IGNORECASE)
_BOT = (
    r"(?i)bot\b|bot/|crawl|spider|slurp|headlesschrome|phantomjs|^curl/|^wget|python-requests"
    r"|python-urllib|facebookexternalhit|lighthouse|pingdom|uptime"
)
_DEVICE = re.compile(r"(dvce|device)(type|category|class|kind|family)?|agenttype|visitortype")
_ROBOT = ("robot", "bot", "spider", "crawler", "robots", "bots")
_HTTP = re.compile(
    r"(http)?(status|response|return)code|httpstatus|httpresponse(status)?|scstatus|httpcode"
)


def is_machine_flag(name: str) -> bool:
    """Say whether a column is named after a mark of bots, tests or staff, such as ``is_bot``."""
    return _FLAG.fullmatch("".join(words_of(name))) is not None


def note_machines(frame: pl.DataFrame, roles: Mapping[str, str], findings: Findings) -> None:
    """Note the rows of bots, tests, staff and failed requests, and how they are left out."""
    for name in frame.columns:
        if name in roles.values() or frame[name].dtype.is_nested():
            continue
        joined = "".join(words_of(name))
        if is_machine_flag(name):
            _note_flag(frame[name], roles, findings)
        elif _HTTP.fullmatch(joined):
            _note_failures(frame[name], findings)
        elif frame[name].dtype == pl.String:
            if _AGENT.fullmatch(name.strip()):
                marked = frame[name].str.contains(_BOT)
                _note(name, "names bots", int(marked.sum()), findings)
            elif _DEVICE.fullmatch(joined):
                marked = frame[name].str.strip_chars().str.to_lowercase().is_in(_ROBOT)
                _note(name, "names robots", int(marked.sum()), findings)


def _note_flag(column: pl.Series, roles: Mapping[str, str], findings: Findings) -> None:
    """Note the rows that a flag marks, with an option that leaves them out."""
    texts = blanked(column).cast(pl.String).str.strip_chars()
    values = texts.drop_nulls().unique().sort().to_list()
    low = {value: value.casefold().removesuffix(".0") for value in values}
    numbers = all(re.fullmatch(r"\d{1,2}", text) for text in low.values())
    yes = [v for v, text in low.items() if text in YES or (numbers and text != "0")]
    no = [v for v, text in low.items() if text in NO]
    if not yes or len(yes) + len(no) < len(values) or texts.is_in(yes).fill_null(False).all():
        return
    remedy = ""
    if "type" not in roles:
        blank = [] if no and not texts.null_count() else ["event"]
        meanings = {**dict.fromkeys(yes, "ignore"), **dict.fromkeys([*no, *blank], "1")}
        option = ",".join(in_list(f"{value}={meaning}") for value, meaning in meanings.items())
        plain = {value: 1 if meaning == "1" else meaning for value, meaning in meanings.items()}
        remedy = (
            f", or ignore them with --type-column {shlex.quote(column.name)} --event-types "
            f"{shlex.quote(option)}, "
            f"columns={{'type': {column.name!r}}}, event_types={plain}"
        )
    _note(column.name, "says yes", int(texts.is_in(yes).sum()), findings, remedy)


def _note_failures(column: pl.Series, findings: Findings) -> None:
    """Note the requests that failed by the codes of HTTP."""
    codes = blanked(column).cast(pl.String).str.strip_chars().str.replace(r"\.0$", "").drop_nulls()
    failed = codes.str.contains(r"^[45]\d\d$")
    if len(codes) and codes.str.contains(r"^[1-5]\d\d$").all() and not failed.all():
        remedy = f", or ignore them with {column_option('status', column.name)}"
        _note(
            column.name,
            "says that the request failed (4xx, 5xx)",
            int(failed.sum()),
            findings,
            remedy,
        )


def _note(name: str, says: str, count: int, findings: Findings, remedy: str = "") -> None:
    findings.add(
        "events",
        f"{name!r} {says}, and the rows count: if they should not, leave them out of the file"
        f"{remedy}",
        count,
        "noted",
    )
