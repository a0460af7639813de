"""Gain of a language model as one more content scorer of the default blend.

    python benchmarks/tuned_blend.py [--dataset NAME] [--models NAME,…] [--folder DIR]
                                     [--threads N] [--earlier] [--json FILE]

The default scorers are fitted to the training events alone, leave last out, and blended: without
a model, with the pretrained one (whitened), and with the one of `tune --objective retrieve`,
trained on the same events. The content scorer of the model stands beside that of TF-IDF, and
the trees of the ranking stage see its similarities to the newest events of a history as well.
NDCG@10 of validation users, on whose choices the weights were learned, and of test users.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pennyweight.config.plan import EncoderPlan, Plan
from pennyweight.data.dataset import Dataset, read
from pennyweight.data.split import HeldOut, Split, split
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import ModelWeights, find_weights
from pennyweight.evaluation.bootstrap import bootstrap
from pennyweight.evaluation.measure import measure
from pennyweight.fitting.components import build_components, components_of
from pennyweight.fitting.encoder_choice import choose_encoders
from pennyweight.fitting.forecast import BLENDED, RANKED, TUNED
from pennyweight.fitting.reranking import learn_trees
from pennyweight.fitting.tune import choose_settings, fit_component, sample
from pennyweight.ranking.reranking import as_listed
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.protocol import Scorer
from pennyweight.training.retrieval import RetrievalSettings
from pennyweight.training.tune import tune
from pennyweight.vectors.unit_rows import unit_rows
from public_data import add_data, present
from rows import tell

MODELS = ("pretrained", "tuned")
USERS = 3_000  # who decide when the training of the head stops, as in `pennyweight tune`
SEED = 0
Row = dict[str, object]
Float = np.ndarray


def default_scorers(data: Dataset, parts: Split) -> dict[str, Scorer]:
    """Fit the components of the default blend to the training events."""
    encoders = choose_encoders(EncoderPlan(), data.catalog)
    components = components_of(Plan().scorers, "leave-last-out", "exclude")
    scorers = build_components(components, encoders, repeats="exclude", seed=SEED)
    users = tuning_users(data, parts)
    for name, scorer in scorers.items():
        print(f"  fit {name}", flush=True)
        fit_component(scorer, users, data.catalog, repeats="exclude")
    return scorers


def tuning_users(data: Dataset, parts: Split) -> HeldOut:
    """Return the validation users on whom the settings of scorers are chosen."""
    return sample(parts.valid, TUNED.of(len(data.catalog)), np.random.default_rng(SEED))


def pretrained(data: Dataset) -> tuple[Float, Float]:
    """Return the vectors of the default model, unchanged and whitened."""
    model = TransformerEncoder.from_pretrained()
    vectors = encode_cached(model, data.catalog.texts)
    return vectors, ProjectedEncoder.of_vectors(model, vectors, dim=model.dim).project(vectors)


def with_head(vectors: Float, weights: ModelWeights) -> Float:
    """Return the vectors of a tuned model from those of the model below its head."""
    for dense in weights.dense():
        rows = unit_rows(vectors) if dense.normalized else vectors
        vectors = rows @ dense.projection.weight.T + dense.projection.bias
        if dense.activation == "ReLU":
            vectors = np.maximum(vectors, 0)
    return unit_rows(vectors)


def measured(
    scorers: dict[str, Scorer], data: Dataset, parts: Split
) -> tuple[dict[str, Float], str]:
    """Learn weights and trees; return NDCG@10 of each user, and the choices in words."""
    n_items, rng = len(data.catalog), np.random.default_rng(SEED)
    blend = Blend(scorers, repeats="exclude")
    blend.learn(
        parts.valid,
        rng=rng,
        max_users=BLENDED.of(n_items),
        texts=data.catalog.texts,
        new_items=False,
    )
    of_valid = measure({"blend": blend}, parts.valid, repeats="exclude")
    columns = {"validation, without trees": of_valid["blend"].column("ndcg@10")}
    outcome = learn_trees(
        blend,
        sample(parts.valid, RANKED.of(n_items), np.random.default_rng(SEED)),
        data.catalog,
        Plan().rerank,
        repeats="exclude",
        by_time=False,
        seed=SEED,
    )
    listed: dict[str, Scorer] = {"test, without trees": blend}
    if blend.trees is not None:
        listed["test"] = as_listed(blend, exclude_seen=True)
    results = measure(listed, parts.test, repeats="exclude")
    columns |= {name: per_user.column("ndcg@10") for name, per_user in results.items()}
    columns.setdefault("test", columns["test, without trees"])
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in blend.weights.items())
    stage = "no trees" if outcome is None else f"trees {outcome.used}, {outcome.gain}"
    return columns, f"{weights}; {stage}"


def of_interval(name: str, values: Float) -> Row:
    estimate = bootstrap(values[:, None], rng=SEED)[0]
    numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    rounded = {key: round(float(number), 4) for key, number in numbers.items()}
    return {"name": name, **rounded, "unit": "", "bar": None, "better": "higher"}


def content_of(
    model: str, data: Dataset, parts: Split, folder: Path, threads: int | None
) -> Content:
    """Return a content scorer of the model, its decay chosen on validation users."""
    vectors, white = pretrained(data)
    if model == "tuned":
        valid = sample(parts.valid, USERS, np.random.default_rng(SEED))
        settings = RetrievalSettings(seed=SEED, threads=threads)
        made = tune(find_weights(), data.catalog, valid, folder, settings)
        print(f"  tuned: step, validation NDCG@10: {made.measurements}", flush=True)
        white = with_head(vectors, made.weights)
    content = Content.of_vectors(white)
    choose_settings(content, tuning_users(data, parts), "exclude")
    return content


def compare(data: Dataset, contents: dict[str, Content], parts: Split, dataset: str) -> list[Row]:
    """Return the rows of the blend without a model and with each."""
    scorers = default_scorers(data, parts)
    before, choices = measured(scorers, data, parts)
    print(f"  default: {choices}", flush=True)
    rows = [of_interval(f"{dataset}, default: {name}", column) for name, column in before.items()]
    for model, content in contents.items():
        alone = measure({"content": content}, parts.test, repeats="exclude")["content"]
        after, choices = measured({**scorers, "content-2": content}, data, parts)
        print(f"  {model}: {choices}", flush=True)
        label = f"{dataset}, {model}"
        rows.append(of_interval(f"{label}: test, alone", alone.column("ndcg@10")))
        for name, column in after.items():
            rows.append(of_interval(f"{label}: {name}", column))
            rows.append(of_interval(f"{label}: {name}, gain", column - before[name]))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--dataset", default="scientific", help="its folder there")
    parser.add_argument("--models", default=",".join(MODELS), help="by commas")
    parser.add_argument("--folder", type=Path, help="of the training, which resumes there")
    parser.add_argument("--threads", type=int, help="of the training")
    parser.add_argument("--earlier", action="store_true", help="leave the test events out first")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    models = options.models.split(",")
    if unknown := set(models) - set(MODELS):
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(MODELS)}")
    if not present(options.data, options.dataset):
        return
    folder = options.data / options.dataset
    items, events = (next(folder.glob(f"{name}.*")) for name in ("items", "events"))
    data = read(items, events)
    if options.earlier:
        data = replace(data, interactions=split(data.interactions, "leave-last-out").test.before)
    parts = split(data.interactions, "leave-last-out")
    with tempfile.TemporaryDirectory() as temporary:
        training, threads = options.folder or Path(temporary), options.threads
        contents = {name: content_of(name, data, parts, training, threads) for name in models}
    tell(compare(data, contents, parts, options.dataset), options.json)


if __name__ == "__main__":
    main()
