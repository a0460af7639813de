"""The catalog, column by column: fill, length, language, and coverage by the encoder."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from tokenizers import Tokenizer

from pennyweight.config.frozen import FrozenModel
from pennyweight.data.dataset import Dataset
from pennyweight.validation.findings import Finding, finding
from pennyweight.validation.language import SCRIPTS, guess, script_letters
from pennyweight.validation.vocabulary import cover

__all__ = ["ColumnProfile", "check_columns", "length_bins", "plain"]

SAMPLE = 20_000  # texts of a column, drawn at random, for language and vocabulary
# Shares of unknown word pieces that are reported as a note and as a warning.
UNKNOWN_NOTE, UNKNOWN_WARNING = 0.001, 0.01
# Pieces a word: English has 1.1 to 1.4, brands 1.7, other languages 1.8 to 3.3 (the default model).
PIECES, WORDS = 1.75, 3
_CODES = r"\S*\d\S*"
_EDGES = (0, 1, 20, 50, 100, 200, 500, 1_000, 2_000)


class ColumnProfile(FrozenModel):
    """One column of the items table.

    Attributes
    ----------
    name, role
        Its name, and whether it is ``text`` or an ``attribute``.
    filled, of
        Values that are there, and rows.
    distinct
        Different values.
    length
        Characters of the filled values at the quantiles 0.05, 0.5, 0.95 and 1.
    language
        A guess: a language, or only the script.
    unknown, pieces_per_word
        Share of word pieces unknown to the encoder; mean number of pieces of a word.
    """

    name: str
    role: str
    filled: int
    of: int
    distinct: int | None = None
    length: tuple[int, int, int, int] | None = None
    language: str | None = None
    unknown: float | None = None
    pieces_per_word: float | None = None


def plain(column: pl.Series) -> pl.Series | None:
    """Return a column as texts, null where empty; None where it holds no words."""
    if column.dtype == pl.List(pl.String):
        column = column.list.join(", ", ignore_nulls=True)
    if column.dtype != pl.String:
        return None
    return column.set(column.str.strip_chars() == "", None)


def check_columns(
    data: Dataset, tokenizer: Tokenizer | None, max_tokens: int, rng: np.random.Generator
) -> tuple[list[ColumnProfile], list[Finding]]:
    """Describe each column of the items table; find texts that the encoder cannot read."""
    columns: list[ColumnProfile] = []
    findings: list[Finding] = []
    for values in data.catalog.attributes.iter_columns():
        role = "text" if values.name in data.columns.text else "attribute"
        texts = plain(values)
        filled = len(values) - (values if texts is None else texts).null_count()
        column = ColumnProfile(name=values.name, role=role, filled=filled, of=len(values))
        if texts is not None and filled:
            column = column.model_copy(update=_describe(texts))
            if role == "text":
                facts, column_findings = _check_text(texts, data.catalog.ids, tokenizer, rng)
                column, findings = column.model_copy(update=facts), findings + column_findings
        empty = len(values) - filled
        findings += finding(
            "empty-column",
            f"no value in column {values.name!r}",
            empty,
            len(values),
            "items",
            warn=role == "text" and empty > 0.5 * len(values),
        )
        columns.append(column)
    return columns, findings + _too_long(data, tokenizer, max_tokens, rng)


def _describe(texts: pl.Series) -> dict[str, object]:
    lengths = texts.drop_nulls().str.len_chars().to_numpy()
    quantiles = np.quantile(lengths, (0.05, 0.5, 0.95, 1), method="nearest")
    return {"distinct": texts.drop_nulls().n_unique(), "length": tuple(map(int, quantiles))}


def _check_text(
    texts: pl.Series, ids: Sequence[str], tokenizer: Tokenizer | None, rng: np.random.Generator
) -> tuple[dict[str, object], list[Finding]]:
    """Guess the language of a column of texts, and measure how the encoder covers it."""
    sample = _sample(texts.drop_nulls(), rng)
    by_text = script_letters(texts)
    letters = {name: int(by_text[name].sum()) for name in SCRIPTS}
    facts: dict[str, object] = {"language": guess(sample, letters)}
    findings = _scripts(texts, ids, by_text, letters)
    if tokenizer is not None:
        coverage = cover(tokenizer, sample.to_list())
        facts |= {"unknown": coverage.unknown, "pieces_per_word": coverage.pieces_per_word}
        if coverage.unknown >= UNKNOWN_NOTE:
            findings += finding(
                "unknown-words",
                f"column {texts.name!r}: {100 * coverage.unknown:.2g} % of word pieces are unknown "
                "to the encoder",
                coverage.unknown_texts,
                len(sample),
                "texts",
                coverage.unknown_examples,
                warn=coverage.unknown >= UNKNOWN_WARNING,
            )
        if coverage.pieces_per_word >= PIECES:
            findings += _fragmented(sample, str(facts["language"]), tokenizer)
    return facts, findings


def _fragmented(texts: pl.Series, language: str, tokenizer: Tokenizer) -> list[Finding]:
    """Find words split into many pieces by the encoder; names and codes are split anyway."""
    texts = texts.str.replace_all(_CODES, " ")
    words = texts.str.count_matches(r"\pL+").mean()
    if language == "Latin script" and float(words or 0) < WORDS:  # type: ignore[arg-type]
        return []
    pieces = cover(tokenizer, texts.to_list()).pieces_per_word
    if pieces < PIECES:
        return []
    return finding(
        "fragmented-words",
        f"column {texts.name!r}: {pieces:.1f} word pieces a word",
        len(texts),
        len(texts),
        "texts",
        texts.head(3).to_list(),
        warn=True,
    )


def _scripts(
    texts: pl.Series, ids: Sequence[str], by_text: pl.DataFrame, letters: dict[str, int]
) -> list[Finding]:
    """Find texts mostly in another script than the column."""
    usual = max(letters, key=lambda name: letters[name])
    kin = [usual, *({"Chinese", "Japanese"} if usual in ("Chinese", "Japanese") else ())]
    total = by_text.sum_horizontal()
    other = ((total - by_text.select(set(kin)).sum_horizontal()) > 0.5 * total).arg_true()
    examples = [f"{ids[row]}: {texts[row]}" for row in other.head(3)]
    return finding(
        "mixed-scripts",
        f"column {texts.name!r}: not in {usual} letters as the others",
        len(other),
        len(texts),
        "items",
        examples,
        warn=len(other) > 0.05 * len(texts),
    )


def _too_long(
    data: Dataset, tokenizer: Tokenizer | None, max_tokens: int, rng: np.random.Generator
) -> list[Finding]:
    """Find texts longer than the encoder reads; only long ones are tokenized."""
    texts = pl.Series("text", data.catalog.texts, dtype=pl.String)
    rows = (texts.str.len_chars() > max_tokens).arg_true()  # a token has at least one letter
    if tokenizer is None or not len(rows):
        return []
    drawn = _sample(rows, rng)
    tokens = np.array(cover(tokenizer, texts.gather(drawn).to_list()).tokens)
    long = np.flatnonzero(tokens > max_tokens)
    count = round(len(long) * len(rows) / len(drawn))
    examples = [f"{data.catalog.ids[drawn[i]]}: {tokens[i]:,} tokens" for i in long[:3].tolist()]
    return finding(
        "long-texts",
        f"texts longer than the {max_tokens} tokens that the encoder reads",
        count,
        len(texts),
        "items",
        examples,
        warn=count > 0.2 * len(texts),
    )


def _sample(values: pl.Series, rng: np.random.Generator) -> pl.Series:
    if len(values) <= SAMPLE:
        return values
    return values.gather(np.sort(rng.choice(len(values), SAMPLE, replace=False)))


def length_bins(texts: Sequence[str]) -> list[tuple[str, int]]:
    """Return how many texts have how many characters, for a chart."""
    lengths = pl.Series(texts, dtype=pl.String).str.len_chars().to_numpy()
    counts = np.bincount(np.searchsorted(_EDGES, lengths, side="right"), minlength=len(_EDGES) + 1)
    names = ["none", *(f"{low:,} to {high - 1:,}" for low, high in pairwise(_EDGES[1:]))]
    bins = list(zip([*names, f"{_EDGES[-1]:,} or more"], counts[1:].tolist(), strict=True))
    full = np.flatnonzero(counts[1:])
    return bins[full[0] : full[-1] + 1] if len(full) else []
