"""Search by text in a report: its quality beside TF-IDF, and whether it is used."""

from typing import Annotated

from pydantic import Field

from pennyweight.config.frozen import FrozenModel
from pennyweight.config.quality import Measurement

__all__ = ["SearchQuality", "SearchTaskQuality"]


class SearchTaskQuality(FrozenModel):
    """The quality of search on queries with known answers.

    Attributes
    ----------
    task
        ``categories`` or ``known items``.
    metric
        ``precision@10`` or ``recall@10``.
    queries
        How many were measured; the settings were chosen on as many others.
    tfidf, search
        The mean over the queries, by TF-IDF and by the search.
    difference
        That of the search less that of TF-IDF, paired by query.
    """

    task: str
    metric: str
    queries: Annotated[int, Field(ge=1)]
    tfidf: Measurement
    search: Measurement
    difference: Measurement

    def __str__(self) -> str:
        d = self.difference
        gain = f"{d.value:+.4f} [{d.low:+.4f} {d.high:+.4f}]".replace("0.", ".")
        return f"{self.metric} {self.search} for {self.task} ({gain} over TF-IDF)"


class SearchQuality(FrozenModel):
    """Search by text: embeddings, BM25 and feedback, against TF-IDF.

    Attributes
    ----------
    encoder
        The encoder of the embeddings.
    bm25_weight
        Weight of BM25 beside the cosine of the embeddings.
    tasks
        The quality on queries made from the catalog; empty where it gives none.
    items
        Items that were searched: all, or a sample of a large catalog.
    used
        Whether the recommender searches so; otherwise by TF-IDF and the weights of the blend.
    """

    encoder: str
    bm25_weight: float
    tasks: tuple[SearchTaskQuality, ...]
    items: Annotated[int, Field(ge=1)]
    used: bool

    def gains(self) -> tuple[str, ...]:
        """Return the kinds of queries for which more is found than by TF-IDF, at 95 %."""
        return tuple(task.task for task in self.tasks if task.difference.low > 0)

    def sentence(self) -> str:
        """Return the quality and the choice in a sentence."""
        if not self.tasks:
            return (
                f"Search by text uses {self.encoder} and BM25, as the plan says; the catalog has "
                "no categories or descriptions to measure it on."
            )
        measured = " and ".join(map(str, self.tasks))
        if self.used:
            return f"Search by text with {self.encoder} and BM25 reaches {measured}; it is used."
        return (
            f"Search by text with {self.encoder} and BM25 reaches {measured}; no gain is shown, "
            "so TF-IDF searches."
        )
