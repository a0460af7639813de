"""The last part of `demo`: the machines for a bookshop of a hundred times the size."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pennyweight.config.frontier import Frontier
    from pennyweight.recommender import Recommender

__all__ = ["LargerShop", "plan_larger_shop"]

TIMES = 100
RATE, LATENCY, MAX_LOSS = "100/s", "50ms", "1%"


class LargerShop(NamedTuple):
    """The command that plans for the larger shop, its answer in a sentence, and its page."""

    command: str
    answer: str
    page: Path


def plan_larger_shop(recommender: "Recommender", frontier: "Frontier", folder: Path) -> LargerShop:
    """Plan for the shop a hundred times over, and write the page and the frontier.

    Parameters
    ----------
    recommender
        The shop, as saved to the folder ``bundle``.
    frontier
        Of the shop; its candidates are planned with.
    folder
        For ``plan.html`` and ``frontier.json``.
    """
    from pennyweight.config.budget import Budget
    from pennyweight.planning.capacity_planner import Planner, planned
    from pennyweight.planning.machine_profile import usable_profile
    from pennyweight.planning.measured_candidates import measured_candidates
    from pennyweight.planning.prices import read_prices
    from pennyweight.planning.summary import answer, language_model_answer, what_if
    from pennyweight.planning.workloads import sizes_of, workload_of
    from pennyweight.reports import capacity_page
    from pennyweight.storage.files import write_atomic

    bundle, measured, page = folder / "bundle", folder / "frontier.json", folder / "plan.html"
    write_atomic(measured, frontier.to_json().encode())
    sizes = sizes_of(recommender)
    larger = {name: round(TIMES * sizes[name]) for name in ("items", "users", "events")}
    words = " ".join(f"--{name} {number}" for name, number in larger.items())
    command = (
        f"pennyweight plan {bundle} {words} --rps {RATE} --p95 {LATENCY} "
        f"--frontier {measured} --max-loss {MAX_LOSS} --html {page}"
    )
    profile = usable_profile()
    planner = Planner(
        profile, read_prices(None), max_loss=Budget.parse({"max_loss": MAX_LOSS}).max_loss
    )
    candidates = measured_candidates(frontier, recommender, profile)
    workload = workload_of({**sizes, **larger}, rps=RATE, p95=LATENCY)
    result = planned(planner, workload, candidates=candidates)
    sentences = [answer(result), language_model_answer(result), *what_if(result)]
    write_atomic(page, capacity_page(result, sentences, commands=[command]).encode())
    return LargerShop(command, sentences[0], page)
