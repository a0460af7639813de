"""Figures on search by text."""

from pennyweight.config.search import SearchQuality
from pennyweight.html.charts import Bar, differences
from pennyweight.html.figures import Figure, Table

__all__ = ["search_figure"]


def search_figure(search: SearchQuality | None) -> Figure | None:
    """Return the gains over TF-IDF with a table; None for a report without such measurements."""
    if search is None or not search.tasks:
        return None
    chart = differences(
        [
            Bar(
                f"{task.task}, {task.metric}",
                task.difference.value,
                f"{task.difference.value:+.4f}",
                task.difference.low,
                task.difference.high,
                best=task.difference.low > 0,
            )
            for task in search.tasks
        ],
        title=f"Search with {search.encoder} and BM25 minus search with TF-IDF",
        description="Dots with 95 % intervals around zero; the search finds more right of it.",
        key="search",
    )
    rows = [
        (
            task.task,
            task.metric,
            f"{task.queries:,}",
            str(task.tfidf),
            str(task.search),
            f"{task.difference.value:+.4f}",
            f"{task.difference.low:+.4f} to {task.difference.high:+.4f}",
        )
        for task in search.tasks
    ]
    head = ("Task", "Metric", "Queries", "TF-IDF", "Search", "Difference", "95 %")
    table = Table("Quality of search by text", head, rows, numbers=5)
    return Figure("Difference to TF-IDF", chart, table)
