"""Names of columns that hold the title of an item."""

import re

__all__ = ["is_title"]

_OWNERS = (
    "item|product|article|artikel|track|song|album|book|movie|film|video|show|series|game|app|"
    "recipe|course|job|post|news|page|listing|event|podcast|episode|primary|original|display|"
    "full|main|produkt|producto|produit|prodotto|produto"
)
_TITLE = re.compile(
    rf"(?:(?:{_OWNERS})_?){{0,2}}(?:title|name|titel|titre|titulo|título|titolo|tytul|tytuł|nazwa|"
    r"nombre|nome|naam|navn|namn|bezeichnung|libell?[eé]|d[eé]signation|denominaci[oó]n|"
    r"denominazione|headline|название|наименование|商品名|品名|タイトル|标题|名称)"
)


def is_title(name: str) -> bool:
    """Say whether a column is named like the title of an item: ``title``, ``Product Name``."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return _TITLE.fullmatch(re.sub(r"[\W_]+", "_", snake).casefold().strip("_")) is not None
