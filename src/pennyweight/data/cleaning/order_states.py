"""The states of orders: which take back a purchase, and which mean that there was none."""

import re
import shlex
from collections.abc import Collection, Sequence
from typing import Literal, get_args

import polars as pl

from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.negations import (
    is_failure,
    is_loan,
    is_negator,
    is_return,
    is_undone,
    words_of,
)
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import name_key
from pennyweight.errors import DataError, in_list

__all__ = [
    "State",
    "are_codes",
    "are_letters",
    "is_part",
    "is_state_name",
    "note_unknown_states",
    "state_in",
    "state_of",
    "states",
    "unknown_states",
]

State = Literal["undone", "failed", "counted"]
_PART = re.compile(
    r"part|partial(ly)?|teil|teilweise|partielle?(ment)?|parcial(mente)?|parzial[ei]|parzialmente"
    r"|gedeeltelijk|window|policy|eligible"
)
# States that are still to come: refund pending, return requested.
_NOUN = re.compile(
    r"returns?|refunds?|cancel|cancellation|chargebacks?|reversal|rto|retoure|storno|ruckgabe"
    r"|rucksendung|(ruck)?erstattung|widerruf|annulation|remboursement|retour|cancelacion"
    r"|devolucion|devolucao|reembolso|estorno|cancelamento|reso|rimborso|annullamento"
    r"|annulering|terugbetaling|zwrot|возврат|отмена"
)
_OPEN = re.compile(
    r"pending|request(ed)?|await(ing)?|open|ausstehend|offen|beantragt|angefragt|pendiente|pendente"
    r"|solicitad[oa]|demandee?|attente|richiest[oa]|aangevraagd|withdrawn|revoked|won|lost"
)
_ENDED = re.compile(r"cancell?ed|reversed|storniert|annulee?|cancelad[oa]|annullat[oa]")
_PAID = re.compile(
    r"paid|captured|authori[sz]ed|bezahlt|payee?|pagad[oa]|pagat[oa]|betaald|pago|oplacon[ey]"
)
_NAME = re.compile(
    r"(status(es)?|state|estado|statut|etat|stato|zustand|situacao|stav|stan|durumu?|tila|статус"
    r"|состояние|حالة|allapota?|statusza?|κατασταση|tillstand|stare(a)?|stanje|staatus|olek|statuss"
    r"|busena|trangthai|keadaan|סטטוס|מצב|สถานะ|स्थिति|وضعيت|وضعیت|стан|състояние)|.*(状态|狀態|状況|ステータス|상태)|\w{3,}(status|zustand)|status(id|code|nr|key|name|text|label)"
)
# States of orders that were never completed or never delivered.
_NOT_BOUGHT = re.compile(
    r"trash(ed)?|drafts?|refused|undeliver(able|ed)|undelivered|unzustellbar|niedostarczon[aeyo]"
    r"|nedoruceno|errors?|errored|timedout|timeouts?|deleted|uncollectible|lost|closedlost|bounced"
    r"|交易关闭|交易關閉|订单关闭|訂單關閉|已关闭|已關閉|支付失败|付款失败|결제실패|fraud(ulent)?|incomplete|noshow|(payment|zahlungs?)error|odmitnut[aeoy]|odmietnut[aeoy]|nezaplacen[aeoy]|nieoplacon[aey]"
)
# The states of orders that PrestaShop installs, by columns that have its names.
_SHOP = ("currentstate", "idorderstate")
_SHOP_STATES: dict[str, State] = {"6": "undone", "7": "undone", "8": "failed"}
# Vietnamese, and other words that mean a return beside others only.
_UNDONE_PHRASE = re.compile(
    r"([đd]a )?(bi )?(huy( [đd]on( hang)?)?|(tra|hoan) (hang|tien|tra|lai))( thanh cong)?"
    r"|khach (hang )?(huy|tra( hang)?)|لغو شده|مرجوع شده|برگشت داده شده"
)
# Scripts whose vowels are marks.
_UNDONE_TEXT = re.compile("(ยกเลิก|คืนเงิน|คืนสินค้า)(แล้ว)?|रद्द|लौटाया")
# States of orders that stand, as far as they are known.
_STANDING = re.compile(
    r"complet(e|ed)?|deliver(ed|y)|shipp(ed|ing)|ship|paid|processing|processed|pending|confirmed"
    r"|captured|authori[sz]ed|fulfill?ed|partially|partial|success(ful)?|succeeded|active|new|open"
    r"|approved|accepted|received|dispatched|sent|packed|transit|ready|placed|created|closed|won"
    r"|settled|valid|ok|done|finished|invoiced|booked|ordered|purchased|preparing|prepared|picked"
    r"|unfulfilled|hold|awaiting|backorder(ed)?|normal|kept|collected|arrived|posted|cleared|sold"
    r"|running|watching|reading|playing|finalized|issued|invoice|order|none|no|yes|true|false"
    r"|geliefert|versandt|versendet|verschickt|bezahlt|abgeschlossen|offen|bestatigt|neu|livree?s?"
    r"|expediee?s?|payee?s?|terminee?s?|entregad[oa]s?|enviad[oa]s?|pagad[oa]s?|completad[oa]s?"
    r"|entregue|pago|concluid[oa]|consegnat[oa]|spedit[oa]|pagat[oa]|completat[oa]|verzonden"
    r"|geleverd|betaald|afgerond|dostarczon[oeay]|wyslan[oeay]|zaplacon[oeay]|zrealizowan[oeay]"
    r"|doruceno|odeslano|zaplaceno|vyrizeno|доставлен[оа]?|отправлен[оа]?|оплачен[оа]?"
    r"|выполнен[оа]?|завершен[оа]?|levere(t|rad)|skickad|betald|betalt|sendt|levert|toimitettu"
    r"|tamamlandi|teslim|kargoda|teljesitve|feladva|kiszallitva|fizetve|παραδοθηκε|απεσταλη"
    r"|ολοκληρωθηκε|giao|thanh|cong|xong|selesai|dikirim|terkirim|dibayar|livrat[ae]?|expediat[ae]?"
    r"|(已|交易|订单|訂單)(完成|发货|發貨|付款|支付|签收|成功|送达)|完了|発送済み?|配達完了|배송완료|결제완료"
)
# Completed states in a column of returns or refunds, such as the state of a refund.
_COMPLETED = re.compile(
    r"complet(e|ed)|done|approved|processed|issued|full|fully|accepted|received|closed|succe(ss|eded)"
    r"|finished|confirmed|settled|erledigt|abgeschlossen|genehmigt|termine|effectue|completad[oa]"
    r"|aprobad[oa]|aprovad[oa]|concluid[oa]|completat[oa]|afgerond"
)
_SHORT = re.compile(r"-?\d+|[a-z]{1,2}|[a-z]{0,3}[-_]?\d{1,4}")
_CODES = ("1", "0", "true", "false", "yes", "no", "y", "n", "t", "f")
_MAX_CODES = 40
_EMPTY = 0.2  # share of rows without a state from which on reading stops


def is_state_name(name: str) -> bool:
    """Say whether a column is named after a state, in one of several languages."""
    words = words_of(name)
    return any(_NAME.fullmatch(word) for word in words) or words[:2] == ["trang", "thai"]


def is_part(word: str) -> bool:
    """Say whether a word means that only a part came back, or nothing."""
    return _PART.fullmatch(word) is not None


def state_of(name: str) -> State:
    """Return the meaning of an order's state for the purchase."""
    words = words_of(name)
    if any(is_part(word) for word in words):
        return "counted"
    if words == ["withdrawn"]:
        return "undone"
    if words in (["no", "show"], ["timed", "out"], ["requires", "payment", "method"]):
        return "failed"
    if _UNDONE_PHRASE.fullmatch(" ".join(words)) or _UNDONE_TEXT.fullmatch(name.strip()):
        return "undone"
    denied = any(is_negator(word) for word in words)
    failed = any(is_failure(word) or _NOT_BOUGHT.fullmatch(word) for word in words)
    undone = [word for word in words if is_undone(word)]
    if words in (["dropped"], ["dnf"], ["did", "not", "finish"]):  # lists of films and books
        return "undone"
    if words[:1] == ["restocked"]:  # lines that were refunded, as Shopify has them
        return "undone"
    if undone:
        waiting = failed or any(_OPEN.fullmatch(word) for word in words)
        nouns = [word for word in undone if _NOUN.fullmatch(word)]
        is_over = (
            len(words) == 2 and nouns and (_ENDED.fullmatch(words[1]) or words[1] == "reversal")
        )
        still_open = len(nouns) == len(undone) and waiting
        return "counted" if denied or still_open or is_over else "undone"
    if failed:
        return "counted" if denied else "failed"
    undelivered = "delivered" in words and "yet" not in words
    if denied and (undelivered or any(_PAID.fullmatch(word) for word in words)):
        return "failed"
    return "counted"


def state_in(column: str, value: str) -> State:
    """Return the state that a value means in a column, where ``approved`` may be of a refund."""
    words = words_of(value)
    if any(map(is_undone, words_of(column))) and any(map(_COMPLETED.fullmatch, words)):
        return "counted" if any(map(is_negator, words)) or any(map(is_part, words)) else "undone"
    return state_of(value)


def unknown_states(column: str, values: Collection[str]) -> list[str]:
    """Return the states that count although no word in them is known."""
    unknown = []
    for value in values:
        words = words_of(value)
        known = any(_STANDING.fullmatch(w) or _OPEN.fullmatch(w) or is_undone(w) for w in words)
        known |= any(is_failure(w) or _NOT_BOUGHT.fullmatch(w) or is_part(w) for w in words)
        known |= any(_PAID.fullmatch(w) or _COMPLETED.fullmatch(w) for w in words)
        if words and not known and state_in(column, value) == "counted":
            unknown.append(value)
    plain = {value.casefold(): value for value in values}
    if {"closed", "complete"} <= plain.keys():  # in Magento a closed order was refunded
        unknown.append(plain["closed"])
    return unknown


def note_unknown_states(column: pl.Series, unknown: Sequence[str], findings: Findings) -> None:
    """Note the states of unknown meaning, and how one of them is read as a return."""
    if unknown:
        texts = blanked(column).cast(pl.String).str.strip_chars()
        option = in_list(unknown[0]) + "=negative"
        findings.add(
            "events",
            f"unknown states in {column.name!r} count as bought: {_listed(unknown)}; if one takes "
            f"the purchase back, --type-column {shlex.quote(column.name)} --event-types "
            f"{shlex.quote(option)}",
            int(texts.is_in(unknown).sum()),
            "noted",
        )


def states(
    column: pl.Series, rows: Rows, source: str, *, has_loans: bool = False
) -> tuple[Mask, Mask]:
    """Return which rows have a state that undoes the purchase, or one of no purchase.

    With `has_loans` a return takes nothing back: it ends a loan.

    Raises
    ------
    DataError
        The states are codes, or many rows have none beside others that say much.
    """
    names = blanked(column).cast(pl.String).str.strip_chars().fill_null("")
    distinct = names.unique().sort().to_list()
    meaning = _of_codes(names, column.name, source)
    meaning = meaning or {name: state_in(column.name, name) for name in distinct}
    if has_loans or any(is_loan(word) for name in distinct for word in words_of(name)):
        meaning = {n: "counted" if is_return(n) else state for n, state in meaning.items()}
    groups: dict[State, list[str]] = {
        state: [name for name in distinct if meaning[name] == state] for state in get_args(State)
    }
    empty = int((names == "").sum())
    not_counted = groups["undone"] + groups["failed"]
    if empty > _EMPTY * len(names) and not_counted and len(distinct) > len(not_counted) + 1:
        if not any(is_undone(word) for word in words_of(column.name)):  # return_status
            raise DataError(
                f"{source}: column {column.name!r} has states such as {not_counted[0]!r}, and none "
                f"in {empty:,} of {len(names):,} rows. If the state of an order is in one of its "
                "rows only, name the column of the order with --order-column NAME, "
                "columns={'order': NAME}, or write the state in each row; --status-column '', "
                "columns={'status': None} counts all rows"
            )
    headings = {"undone": "taken back", "failed": "ignored", "counted": "counted"}
    summary = "; ".join(
        f"{headings[state]}: {_listed(group)}" for state, group in groups.items() if group
    )
    shop_note = ", read as PrestaShop's" if name_key(column.name) in _SHOP and not_counted else ""
    reason = (
        f"states of orders in {column.name!r}{shop_note}: {summary} (--status-column '' counts all)"
    )
    rows.findings.add("events", reason, int(rows.alive.sum()), "noted")
    if not are_codes(column):
        unknown = [n for n in unknown_states(column.name, distinct) if meaning[n] == "counted"]
        note_unknown_states(column, unknown, rows.findings)
    return names.is_in(groups["undone"]).to_numpy(), names.is_in(groups["failed"]).to_numpy()


def are_codes(column: pl.Series) -> bool:
    """Say whether a column has short codes, such as 3 or S90, without words."""
    if column.dtype.is_nested() or column.dtype == pl.Boolean:
        return False
    names = blanked(column).cast(pl.String).str.strip_chars().str.to_lowercase().drop_nulls()
    distinct = names.head(10_000).unique()
    distinct = names.unique() if len(distinct) <= _MAX_CODES else distinct
    codes = [re.sub(r"\.0+$", "", value) for value in distinct.to_list()]
    return 2 <= len(codes) <= _MAX_CODES and all(map(_SHORT.fullmatch, codes))


def are_letters(column: pl.Series) -> bool:
    """Say whether a column has codes of letters, as for an active account."""
    if not are_codes(column):
        return False
    codes = blanked(column).cast(pl.String).str.strip_chars().str.to_lowercase().drop_nulls()
    return not (codes.is_in(_CODES) | codes.str.contains(r"^-?[\d.]+$")).any()


def _of_codes(names: pl.Series, name: str, source: str) -> dict[str, State] | None:
    """Return the states of a column of codes, if they are HTTP's or PrestaShop's."""
    counts = dict(names.filter(names != "").value_counts(sort=True).iter_rows())
    values = sorted(counts)
    short = {value: re.sub(r"\.0+$", "", value.casefold()) for value in values}
    all_numbers = all(re.fullmatch(r"-?\d+", value) for value in short.values())
    codes = all_numbers or set(short.values()) <= set(_CODES)
    if len(values) < 2 or not (codes or all(map(_SHORT.fullmatch, short.values()))):
        return None
    if (
        all_numbers
        and all(re.fullmatch(r"[1-5]\d\d", v) for v in short.values())
        and any(v[0] == "2" for v in short.values())
    ):
        failed = {value for value, code in short.items() if code[0] in "45"}
        return {value: "failed" if value in failed else "counted" for value in ["", *values]}
    if (
        name_key(name) in _SHOP
        and all_numbers
        and all(0 < int(value) < 100 for value in short.values())
    ):
        meanings = {value: _SHOP_STATES.get(code, "counted") for value, code in short.items()}
        return {"": "counted", **meanings}
    rarest = list(counts)[-1]  # most orders stand
    raise DataError(
        f"{source}: column {name!r} has the states {', '.join(map(repr, values[:8]))}; which of "
        f"them undo an event? Say so with --type-column {shlex.quote(name)} --event-types "
        f"{shlex.quote(in_list(rarest) + '=negative')} (or ignore) if that is {rarest!r}, "
        f"columns={{'type': {name!r}}}, event_types={{{rarest!r}: 'negative'}}; or name a column "
        "of their names with --status-column NAME; --status-column '', "
        "columns={'status': None} counts all rows"
    )


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(repr(name) if not name else name[:40] for name in names[:10])
    return listed + (f" and {len(names) - 10:,} more" if len(names) > 10 else "")
