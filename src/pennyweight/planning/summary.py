"""A plan in sentences and in a table, the same on the command line and on its page."""

from collections import Counter
from collections.abc import Sequence

from pennyweight.config.capacity import CapacityPlan, PlannedConfiguration
from pennyweight.formatting import aligned, count, duration, rough_duration, size

__all__ = ["HEAD", "answer", "language_model_answer", "plan_lines", "rejections", "row", "what_if"]

ROWS = 8
HEAD = (
    "configuration",
    "a month",
    "a million lists",
    "p95",
    "load",
    "memory",
    "first encoding",
    "limit",
)


def answer(plan: CapacityPlan) -> str:
    """Return the sentence that answers the question for the cheapest configuration."""
    best, work = plan.best, plan.workload
    need = (
        f"{count(work.items, 'item')}, {work.requests_per_second:g} lists per second at the peak, "
        f"95 % within {duration(work.latency_seconds)}"
    )
    if best is None:
        nearest = plan.configurations[0]
        return (
            f"No configuration does for {need}. The nearest is {nearest.encoder} with "
            f"{nearest.vectors} vectors on {nearest.provider} {nearest.instance}: it "
            f"{nearest.rejection}."
        )
    spare = f", {count(best.spare_replicas, 'spare')} included" if best.spare_replicas else ""
    machines = count(best.replicas + best.spare_replicas, "machine")
    quality = ""
    if best.quality is not None:
        quality = f", with {best.quality.value:.1%} of the uncompressed quality"
    return (
        f"{best.price_per_month:,.2f} {plan.currency} per month serve {need}: {machines} of type "
        f"{best.provider} {best.instance}{spare}; {best.encoder}, {best.vectors} vectors{quality}."
    )


def language_model_answer(plan: CapacityPlan) -> str:
    """Return the sentence on the language model: where it runs, and what it costs there."""
    with_model = _cheapest(plan, transformer=True)
    without = _cheapest(plan, transformer=False)
    if with_model is None:
        return "No configuration with a language model does."
    once = rough_duration(with_model.first_encoding_seconds)
    daily = with_model.daily_encoding_seconds
    churn = f", and {rough_duration(daily)} a day for new items" if daily else ""
    work = plan.workload
    if not work.search_share:
        where = "Lists need no language model at request time: items are encoded once"
    else:
        where = f"A language model is needed for the searches, {work.search_share:.0%} of requests"
    text = f"{where}. {with_model.encoder} takes {once} for the catalog on one machine{churn}"
    rent = _rented(plan, with_model)
    if without is None:
        return f"{text}.{rent}"
    more = with_model.price_per_month - without.price_per_month
    price = f"{more:,.2f} {plan.currency} more per month than" if more > 0 else "no more than"
    return f"{text}; it costs {price} {without.encoder}.{rent}"


def _rented(plan: CapacityPlan, chosen: PlannedConfiguration) -> str:
    """Return a sentence on a machine with an accelerator that encodes once for less money."""
    if chosen.encoding_accelerator is not None:
        return ""
    offers = [
        one
        for one in plan.configurations
        if one.encoding_accelerator is not None
        and one.encoder == chosen.encoder
        and one.rejection_kind != "too little accelerator memory"
    ]
    best = min(offers, key=lambda one: one.price_per_million_texts, default=None)
    if best is None or best.price_per_million_texts >= chosen.price_per_million_texts:
        return ""
    millions = plan.workload.items / 1e6
    return (
        f" Encode once on {best.provider} {best.instance} ({best.encoding_accelerator}, predicted "
        f"from its data sheet) in {rough_duration(best.first_encoding_seconds)} for "
        f"{millions * best.price_per_million_texts:,.2f} {plan.currency}: the time on the machine "
        f"above costs {millions * chosen.price_per_million_texts:,.2f}."
    )


def what_if(plan: CapacityPlan) -> list[str]:
    """Return a sentence for each workload that is some times as large."""
    lines = []
    for name, one in plan.scaled.items():
        if one is None:
            lines.append(f"{name}: no configuration does")
            continue
        machines = one.replicas + one.spare_replicas
        lines.append(
            f"{name}: {one.price_per_month:,.2f} {plan.currency} per month, {machines} x "
            f"{one.provider} {one.instance}, {one.encoder}, {one.vectors} vectors"
        )
    return lines


def rejections(plan: CapacityPlan) -> list[tuple[str, int]]:
    """Return the kinds of reasons against configurations, and how many each rejects."""
    kinds = Counter(one.rejection_kind or "" for one in plan.configurations if one.rejection)
    return sorted(kinds.items(), key=lambda pair: -pair[1])


def plan_lines(plan: CapacityPlan) -> list[str]:
    """Return the plan as lines of text."""
    accepted = [one for one in plan.configurations if one.rejection is None]
    lines = [answer(plan)]
    if accepted:
        lines += [language_model_answer(plan), ""]
        lines += aligned([HEAD, *(row(one, plan) for one in accepted[:ROWS])])
        if len(accepted) > ROWS:
            lines.append(f"and {count(len(accepted) - ROWS, 'other configuration')} that would do")
    for kind, number in rejections(plan):
        lines.append(f"{count(number, 'configuration')} rejected: {kind}")
    lines += ["", *what_if(plan)]
    lines += ["", f"Prices of {plan.prices_of} or later. Times from {plan.profile}."]
    return [*lines, *plan.notes]


def row(one: PlannedConfiguration, plan: CapacityPlan) -> Sequence[str]:
    """Return the cells of a configuration, those of `HEAD`."""
    return (
        one.name,
        f"{one.price_per_month:,.2f} {plan.currency}",
        f"{one.price_per_million_lists:,.4f}",
        "-" if one.p95 is None else duration(one.p95),
        f"{one.utilization:.0%}",
        size(one.resident_bytes),
        rough_duration(one.first_encoding_seconds) + _accelerator(one),
        one.bottleneck,
    )


def _accelerator(one: PlannedConfiguration) -> str:
    """Return the accelerator in brackets, where the encoding runs on one."""
    name = one.encoding_accelerator
    return "" if name is None else f" ({name}, predicted)"


def _cheapest(plan: CapacityPlan, *, transformer: bool) -> PlannedConfiguration | None:
    """Return the cheapest configuration that does, with or without a transformer."""
    return next(
        (
            one
            for one in plan.configurations
            if one.rejection is None and one.transformer == transformer
        ),
        None,
    )
