"""The head on a model's vectors: its loss, its form on disk, and bad input."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_world import CATALOG, HELD_OUT, QUICK, QUICK_HEAD, TEXTS

import world
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights, write_weights
from pennyweight.errors import BudgetError, DataError, TrainingError
from tiny_bert import write_tiny_bert

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboardX")

from pennyweight.training import memory  # noqa: E402
from pennyweight.training.head import Head  # noqa: E402
from pennyweight.training.retrieval import Retrieval, RetrievalSettings  # noqa: E402
from pennyweight.training.token_texts import Texts  # noqa: E402
from pennyweight.training.tune import tune  # noqa: E402
from tuned_blend import with_head  # noqa: E402


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return find_weights(write_tiny_bert(tmp_path_factory.mktemp("model") / "m"))


def head_of(weights, *, seed=0, dropout=0.0) -> Head:
    """Return a head of random tensors on the vectors of the small world."""
    encoder = TransformerEncoder.from_pretrained(weights.folder)
    vectors = encoder.encode(TEXTS)
    axes = ProjectedEncoder.of_vectors(encoder, vectors, dim=encoder.dim).axes
    texts = Texts(weights, TEXTS, max_tokens=64)
    head = Head(
        vectors[texts.first_items()],
        axes,
        texts.of_item,
        dim=12,
        hidden=20,
        dropout=dropout,
        seed=seed,
    )
    generator = torch.manual_seed(seed)
    for tensor in head.parameters.values():
        tensor.data = torch.randn(tensor.shape, generator=generator) / 4
    return head


def written(weights, head, folder):
    tokenizer = (weights.folder / "tokenizer.json").read_text(encoding="utf-8")
    arguments = (weights.config, weights.tensors(), tokenizer)
    return write_weights(folder, weights, *arguments, dense=head.dense())


def test_the_model_on_disk_gives_the_vectors_of_the_head(weights, tmp_path):
    head = head_of(weights)
    model = written(weights, head, tmp_path / "model")
    encoder = TransformerEncoder.from_pretrained(model.folder)
    assert encoder.dim == 12 and encoder.trained_for_lists
    np.testing.assert_allclose(encoder.encode(TEXTS), head.item_vectors(), atol=2e-6)
    below = TransformerEncoder.from_pretrained(weights.folder).encode(TEXTS)
    np.testing.assert_allclose(with_head(below, model), head.item_vectors(), atol=2e-6)
    int8 = TransformerEncoder.from_pretrained(model.folder, precision="int8")
    assert (int8.encode(TEXTS) * head.item_vectors()).sum(axis=1).min() > 0.98
    int8.save(tmp_path / "saved")
    loaded = TransformerEncoder.load(tmp_path / "saved")
    assert loaded.trained_for_lists
    np.testing.assert_allclose(loaded.encode(TEXTS), int8.encode(TEXTS), atol=1e-6)


def test_a_head_on_a_head(weights, tmp_path):
    first = written(weights, head_of(weights), tmp_path / "first")
    head = head_of(first, seed=1)
    second = written(first, head, tmp_path / "second")
    assert len(second.modules.dense) == 6
    encoder = TransformerEncoder.from_pretrained(second.folder)
    np.testing.assert_allclose(encoder.encode(TEXTS), head.item_vectors(), atol=2e-6)


def test_the_modules_are_those_of_sentence_transformers(weights, tmp_path):
    model = written(weights, head_of(weights), tmp_path / "model")
    modules = json.loads((model.folder / "modules.json").read_text())
    kinds = [module["type"].removeprefix("sentence_transformers.models.") for module in modules]
    normalized = ["Normalize", "Dense"]
    assert kinds == ["Transformer", "Pooling", *normalized, *normalized, "Dense", "Normalize"]
    assert [module["idx"] for module in modules] == list(range(8))
    activations = []
    for module in modules:
        if module["type"].endswith("Dense"):
            settings = json.loads((model.folder / module["path"] / "config.json").read_text())
            package, _, name = settings["activation_function"].rpartition(".")
            activations.append(getattr(__import__(package, fromlist=[name]), name))
    assert activations == [torch.nn.Identity, torch.nn.ReLU, torch.nn.Identity]


def test_vectors_that_were_trained_for_lists_are_not_whitened(weights, tmp_path):
    model = written(weights, head_of(weights), tmp_path / "model")
    for folder, unchanged in ((model.folder, True), (weights.folder, False)):
        encoder = TransformerEncoder.from_pretrained(folder)
        vectors = encoder.encode(TEXTS)
        projected = ProjectedEncoder.of_vectors(encoder, vectors, dim=encoder.dim)
        rows = projected.project(vectors)
        assert np.allclose(rows @ rows.T, vectors @ vectors.T, atol=1e-4) is unchanged


def test_the_loss_by_hand(weights):
    # Texts 0 to 3; "red" is the text of items 0 and 4, and user 2 meets both.
    catalog = world.catalog(["red", "shoe", "music", "blue", "red"])
    log = world.events([[0, 1, 2], [1, 3], [0, 4]], 5)
    settings = RetrievalSettings(negatives=4, batch=8, newest=5, decay=0.5, temperature=0.5)
    texts = Texts(weights, catalog.texts, max_tokens=16)
    task = Retrieval(log.histories, texts, settings, repeats=False)
    assert len(task.examples) == 4
    batch = task.batch(task.examples)
    assert batch.texts.tolist() == [0, 1, 2, 3]
    angles = np.array([0.1, 0.9, 2.0, 4.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    def loss(history: list[float], target: int, met: set[int]) -> float:
        query = np.array(history) @ vectors
        logit = vectors @ (query / np.linalg.norm(query)) / 0.5
        others = sum(np.exp(logit[i]) for i in range(4) if i not in met)  # all four are drawn
        return np.log(1 + others / np.exp(logit[target]))

    expected = np.mean(
        [
            loss([1, 0, 0, 0], 1, {0, 1, 2}),
            loss([0.5, 1, 0, 0], 2, {0, 1, 2}),
            loss([0, 1, 0, 0], 3, {1, 3}),
            loss([1, 0, 0, 0], 0, {0}),
        ]
    )
    assert float(batch.loss(torch.from_numpy(vectors))) == pytest.approx(expected, abs=1e-5)


def test_a_batch_is_a_function_of_its_examples(weights):
    texts = Texts(weights, TEXTS, max_tokens=16)
    task = Retrieval(HELD_OUT.before.histories, texts, QUICK_HEAD, repeats=False)
    first, second = task.examples[:4], task.examples[4:8]
    np.testing.assert_array_equal(task.batch(first).texts, task.batch(first).texts)
    assert task.batch(first).texts.tolist() != task.batch(second).texts.tolist()
    head = head_of(weights, dropout=0.5)
    rows, slopes = np.arange(5), []
    for start in (0, 0, 5):
        for tensor in head.parameters.values():
            tensor.grad = None
        head.backward(rows + start, lambda vectors: vectors[:, 0].sum())
        slopes.append(head.parameters["down.weight"].grad.clone())
    assert torch.equal(slopes[0], slopes[1]) and not torch.equal(slopes[0], slopes[2])


def test_a_loss_that_is_no_number_leaves_the_best_head(weights, tmp_path, monkeypatch):
    batch, steps = Retrieval.batch, 0

    def broken(self, examples):
        nonlocal steps
        steps += 1
        tensors = batch(self, examples)
        if steps < 7:
            return tensors
        return replace(tensors, loss=lambda vectors: tensors.loss(vectors) * float("nan"))

    monkeypatch.setattr(Retrieval, "batch", broken)
    with pytest.raises(TrainingError, match=r"step 7: the loss is nan.*lower learning_rate"):
        tune(weights, CATALOG, HELD_OUT, tmp_path, QUICK_HEAD)
    model = find_weights(tmp_path / "model")
    assert model.modules.trained_for_lists
    assert all(np.isfinite(step.projection.weight).all() for step in model.dense())


def test_bad_input(weights, tmp_path, monkeypatch):
    with pytest.raises(DataError, match="takes RetrievalSettings"):
        tune(weights, CATALOG, HELD_OUT, tmp_path, QUICK)
    with pytest.raises(DataError, match="no text of the catalog has a word that"):
        tune(weights, world.catalog(["", "?"]), HELD_OUT, tmp_path, QUICK_HEAD)
    with pytest.raises(DataError, match="matryoshka 32: the head has 32 components; name fewer"):
        tune(weights, CATALOG, HELD_OUT, tmp_path, replace(QUICK_HEAD, matryoshka=(32,)))
    for changes, message in (({"hidden": 0}, "hidden is 0"), ({"dropout": 1.0}, "dropout is 1.0")):
        with pytest.raises(DataError, match=message):
            replace(QUICK_HEAD, **changes)
    monkeypatch.setattr(memory, "available_memory", lambda: 10_000)
    with pytest.raises(BudgetError, match=r"scores .* lower batch, newest or negatives"):
        tune(weights, CATALOG, HELD_OUT, tmp_path, QUICK_HEAD)
    assert not list(tmp_path.glob("training*"))


def test_leading_components_learn_by_themselves(weights, tmp_path):
    qualities = []
    for name, widths in (("plain", ()), ("nested", (2,))):
        settings = replace(QUICK_HEAD, steps=40, every=40, matryoshka=widths)
        model = tune(weights, CATALOG, HELD_OUT, tmp_path / name, settings).weights
        vectors = TransformerEncoder.from_pretrained(model.folder).encode(TEXTS)[:, :2]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        near = vectors @ vectors.T
        following = np.arange(24) // 8 * 8 + (np.arange(24) + 1) % 8
        qualities.append((near > near[np.arange(24), following][:, None]).sum(axis=1).mean())
    assert qualities[1] < qualities[0]
