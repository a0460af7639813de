"""Times of delivery, such as ``Ships in 24 hours`` and ``Lieferzeit 3-5 Tage``."""

import re

from pennyweight.data.cleaning.negations import is_negator

__all__ = ["is_delivery_time"]

_UNIT = re.compile(
    r"hours?|hrs?|days?|weeks?|stunden?|tag|tagen?|wochen?|(arbeits|werk)tagen?|heures?|jours?|"
    r"semaines?|horas?|dias?|semanas?|or[ae]|giorn[oi]|settiman[ae]|uur|uren|dag|dagen|dager|"
    r"dagar|weken|week|werkdagen|godzin|dni|tygodni|час(а|ов)?|дн(я|еи)|день|недел[яиь]|"
    r"日|天|小时|時間|営業日|工作日"
)
_LEADING = re.compile(
    r"lieferzeit|lieferung|lieferbar|versand|versandfertig|verfugbar|versandbereit|delivery|"
    r"deliver(ed|s)?|ships?|shipped|shipping|dispatch(ed|es)?|available|arrives?|leaves|ready|"
    r"expedie|expedition|livraison|livre|livrable|delai|envio|enviado|entrega|disponible|"
    r"spedizione|spedito|consegna|disponibile|levertijd|levering|leverbaar|leverans(tid)?|"
    r"leveringstid|dostawa|wysyłka|wysyka|доставка|отправка|срок"
)
_FILLING = re.compile(
    r"usually|normally|time|within|in|from|to|bis|about|approx|approximately|up|ca|circa|"
    r"innerhalb|von|sous|en|a|de|entre|et|entro|binnen|op|w|ciagu|od|do|в|течение|за|business|"
    r"working|ouvres|ouvrables|habiles|laborables|lavorativi|uteis|the|next|our|warehouse|and|"
    r"or|und|ship|sofort|auf|lager|stock"
)


def is_delivery_time(words: str) -> bool:
    """Say whether words tell after how many hours, days or weeks an item comes.

    Parameters
    ----------
    words
        In small letters without accents.
    """
    parts = re.findall(r"[^\W\d_]+|\d+", words)
    units = [at for at, part in enumerate(parts) if _UNIT.fullmatch(part)]
    if not units or not any(part.isdigit() for part in parts[: units[-1]]):
        return False
    others = [part for part in parts if not part.isdigit() and not _UNIT.fullmatch(part)]
    return not any(map(is_negator, others)) and all(
        _LEADING.fullmatch(part) or _FILLING.fullmatch(part) for part in others
    )
