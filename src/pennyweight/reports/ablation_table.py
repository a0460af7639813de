"""The page of an ablation: where each encoder pays, and its cost."""

from collections.abc import Sequence

from pennyweight.config.ablation_table import AblatedModel, AblationTable
from pennyweight.formatting import count
from pennyweight.html.charts import Bar, differences
from pennyweight.html.figures import Figure, Table
from pennyweight.reports.numbers import capital
from pennyweight.reports.page import render

__all__ = ["ablation_page"]


def ablation_page(ablation: AblationTable, *, commands: Sequence[str] = ()) -> str:
    """Return the page; `commands` reproduce it."""
    return render(
        "ablation_table.html",
        ablation=ablation,
        summary=f"{count(len(ablation.models), 'encoder')} on {count(ablation.items, 'item')}; "
        f"{count(ablation.users, 'validation user')}, {ablation.protocol}",
        gains=[_figure(model, ablation) for model in ablation.models[1:]],
        quality=_table("Quality on validation data", ablation.rows(test=False), texts=2, words=3),
        test=_table("Quality on test data", ablation.rows(test=True), texts=2, words=3),
        costs=_table("Cost", ablation.cost_rows(), texts=1, words=5),
        route=_route_table(ablation),
        commands=commands,
    )


def _table(caption: str, rows: Sequence[Sequence[str]], *, texts: int, words: int) -> Table | None:
    """Return a table of a head and rows; None without rows.

    Parameters
    ----------
    texts
        Columns of texts, before those of numbers.
    words
        Heads that get a capital letter, before those that are names of encoders.
    """
    if not rows:
        return None
    head, *body = rows
    names = [capital(name) if at < words else name for at, name in enumerate(head)]
    return Table(caption, names, body, numbers=len(head) - texts)


def _figure(model: AblatedModel, ablation: AblationTable) -> Figure:
    first = ablation.models[0].name
    parts = [(part, part.difference) for part in model.validation]
    drawn = [
        Bar(part.slice, gain.value, f"{gain.value:+.4f}", gain.low, gain.high, best=part.gains)
        for part, gain in parts
        if gain is not None
    ]
    chart = differences(
        drawn,
        title=f"Quality with {model.name} minus quality with {first}, by slice",
        description="Dots with 95 % intervals around zero; the model helps right of the line.",
        key=f"ablation-{ablation.models.index(model)}",
    )
    rows = [
        (part.slice, part.metric, f"{gain.value:+.4f}", f"{gain.low:+.4f} to {gain.high:+.4f}")
        for part, gain in parts
        if gain is not None
    ]
    head = ("Slice", "Metric", "Difference", "95 %")
    numbers = Table(f"Difference of {model.name} to {first}", head, rows, numbers=2)
    note = "Validation data; blue: a gain is shown at 5 %, corrected for the number of slices."
    return Figure(f"{model.name} against {first}", chart, numbers, note)


def _route_table(ablation: AblationTable) -> Table | None:
    route = ablation.route
    if route is None:
        return None
    rows: list[tuple[str, ...]] = [
        (
            f"{task.task}, {task.metric}",
            f"{100 * task.traffic:.0f} %",
            str(task.without),
            str(task.route),
            str(task.everywhere),
        )
        for task in route.tasks
    ]
    prices = (route.price_without, route.price, route.price_everywhere)
    rows.append(("price of a million requests", "", *(f"{price:.3f}" for price in prices)))
    head = ("Requests", "Traffic", ablation.models[0].name, "Route", f"{route.model} everywhere")
    return Table("The route on test data", head, rows, numbers=4)
