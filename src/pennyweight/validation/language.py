"""Script and language of a column of texts, guessed from letters and stop words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pennyweight.encoders.weights import OF_DEFAULT
from pennyweight.validation.findings import Finding, finding

__all__ = ["MUCH", "SCRIPTS", "Unread", "check_script", "guess", "script_letters", "unread"]

SCRIPTS = {
    "Latin": r"\p{Latin}",
    "Cyrillic": r"\p{Cyrillic}",
    "Greek": r"\p{Greek}",
    "Arabic": r"\p{Arabic}",
    "Hebrew": r"\p{Hebrew}",
    "Devanagari": r"\p{Devanagari}",
    "Bengali": r"\p{Bengali}",
    "Gurmukhi": r"\p{Gurmukhi}",
    "Gujarati": r"\p{Gujarati}",
    "Oriya": r"\p{Oriya}",
    "Tamil": r"\p{Tamil}",
    "Telugu": r"\p{Telugu}",
    "Kannada": r"\p{Kannada}",
    "Malayalam": r"\p{Malayalam}",
    "Sinhala": r"\p{Sinhala}",
    "Thai": r"\p{Thai}",
    "Lao": r"\p{Lao}",
    "Khmer": r"\p{Khmer}",
    "Burmese": r"\p{Myanmar}",
    "Tibetan": r"\p{Tibetan}",
    "Georgian": r"\p{Georgian}",
    "Armenian": r"\p{Armenian}",
    "Ethiopic": r"\p{Ethiopic}",
    "Chinese": r"\p{Han}",
    "Japanese": r"[\p{Hiragana}\p{Katakana}]",
    "Korean": r"\p{Hangul}",
}
# Frequent small words of two letters or more, for one letter is as often an initial; a word
# that several languages share counts a share for each.
_STOP = {
    "English": "the of and to in is for with on that by this from it as are at an be your",
    "German": "der die und das ist mit für von den im ein eine auf zu nicht des dem sie auch aus",
    "French": "le la les de des et un une du en est pour avec dans sur que au qui pas aux",
    "Spanish": "el la los las de que en un una con para por del es se su al como más",
    "Italian": "il la di che un una per con del della gli le in è nel dei si da alla",
    "Portuguese": "os as de que um uma com para por do da em no na não dos é",
    "Dutch": "de het een van en in is dat op te voor met zijn niet aan er om ook als bij",
    "Swedish": "och att det som en är av för med på den till ett inte har om de från var",
    "Polish": "na do się że nie jest jak dla przez po od za ten są oraz to",
    "Turkish": "ve bir bu için ile de da çok olan gibi daha olarak en ne var kadar mi her sonra",
}
MUCH = 0.2  # share of texts in an unread script that raises a warning
# Share of words that are stop words, lead over the second language, stop words that differ.
_MIN_SHARE, _MIN_LEAD, _MIN_DISTINCT = 0.02, 1.5, 3


def script_letters(texts: pl.Series) -> pl.DataFrame:
    """Return how many letters of each script a text has: a row a text, a column a script."""
    frame = pl.DataFrame({"text": texts.fill_null("")})
    letters = pl.col("text").str
    return frame.select(letters.count_matches(form).alias(n) for n, form in SCRIPTS.items())


def guess(texts: pl.Series, letters: Mapping[str, int]) -> str:
    """Guess the language, or only the script where stop words do not decide.

    `letters` are those of the column by script. Chinese, Japanese and Korean are recognized by
    their scripts; ten languages in Latin letters by the share of stop words.
    """
    total = sum(letters.values())
    if not total:
        return "no letters"
    script = max(letters, key=lambda name: letters[name])
    if script == "Chinese" and letters["Japanese"] > 0.1 * total:
        return "Japanese"
    if script != "Latin":
        return script
    words = texts.drop_nulls().str.to_lowercase().str.extract_all(r"\p{L}+").explode().drop_nulls()
    table = [(word, name) for name, line in _STOP.items() for word in line.split()]
    stop = pl.DataFrame(table, schema=["word", "language"], orient="row")
    stop = stop.with_columns((1 / pl.len().over("word")).alias("share"))
    hits = words.rename("word").to_frame().join(stop, on="word")
    ranked = (
        hits.group_by("language")
        .agg(pl.col("share").sum(), pl.col("word").n_unique())
        .sort("share", descending=True)
    )
    best, second = [*ranked["share"].to_list(), 0.0, 0.0][:2]
    enough = best >= _MIN_SHARE * len(words) and best >= _MIN_LEAD * second
    if not ranked.height or not enough or ranked["word"][0] < _MIN_DISTINCT:
        return "Latin script"
    return str(ranked["language"][0])


@dataclass(frozen=True)
class Unread:
    """Texts mainly in letters that the default language model, an English one, does not read.

    Attributes
    ----------
    count, of
        How many texts, and of how many with letters.
    script
        The script of most of them.
    examples
        Up to three.
    """

    count: int
    of: int
    script: str
    examples: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the texts with letters."""
        return self.count / max(1, self.of)

    def __str__(self) -> str:
        return (
            f"{self.count:,} of {self.of:,} texts ({100 * self.share:.0f} %) are mainly in "
            f"{self.script} letters, which the default language model (English) does not "
            "read"
        )


def unread(texts: Sequence[str]) -> Unread:
    """Count the texts with more letters of another script than Latin ones."""
    column = pl.Series("text", texts, dtype=pl.String)
    foreign = column.filter(column.str.contains(r"[^\x00-\x{24f}]"))
    letters = script_letters(foreign)
    rows = (letters.drop("Latin").sum_horizontal() > letters["Latin"]).arg_true()
    totals = letters[rows.to_list()].drop("Latin").sum().row(0, named=True) if len(rows) else {}
    script = max(totals, key=lambda name: totals[name], default="")
    if script == "Chinese" and totals["Japanese"] > 0.1 * sum(totals.values()):
        script = "Japanese"
    with_letters = int(column.str.contains(r"\p{L}").sum())
    return Unread(len(rows), with_letters, script, tuple(foreign.gather(rows.head(3)).to_list()))


def check_script(texts: Sequence[str], encoder: str) -> list[Finding]:
    """Find texts that the default language model does not read; none for other encoders."""
    if encoder not in OF_DEFAULT:
        return []
    foreign = unread(texts)
    return finding(
        "unread-script",
        str(foreign),
        foreign.count,
        foreign.of,
        "texts",
        foreign.examples,
        warn=foreign.share >= MUCH,
    )
