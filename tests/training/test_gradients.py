"""Losses by hand, gradients in chunks, and layers that are run once."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from small_world import CATALOG, HELD_OUT, QUICK, N

import world
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import DataError
from tiny_bert import write_tiny_bert

torch = pytest.importorskip("torch")

from pennyweight.training import learner as learner_room  # noqa: E402
from pennyweight.training.bert import Bert  # noqa: E402
from pennyweight.training.learner import Learner  # noqa: E402
from pennyweight.training.losses import contrastive, similarity, toward  # noqa: E402
from pennyweight.training.tasks import Both, Nested, Pairs, Targets, order  # noqa: E402
from pennyweight.training.token_texts import Texts  # noqa: E402

HISTORIES = HELD_OUT.before.histories


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return find_weights(write_tiny_bert(tmp_path_factory.mktemp("model") / "m"))


def learner_of(
    weights, texts=CATALOG.texts, layers=None, chunk_tokens=4096, mixed=False
) -> Learner:
    tokens = Texts(weights, texts, max_tokens=16)
    return Learner(
        Bert(weights), tokens, layers=layers, chunk_tokens=chunk_tokens, device="cpu", mixed=mixed
    )


def test_the_contrastive_loss_by_hand():
    query = torch.eye(2)
    candidates = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    blocked = torch.tensor([[False, False], [True, True]])
    chance = torch.log(torch.tensor([0.5, 0.25]))
    loss = contrastive(query, candidates, torch.tensor([0, 1]), blocked, chance, 0.5)
    # The first row: 1 / 0.5 for its own, 0.6 / 0.5 - ln 0.25 for the other. The second has no
    # negative, and its own target is never blocked.
    expected = np.log(np.exp(2) + np.exp(1.2) / 0.25) - 2
    assert float(loss) == pytest.approx(expected / 2, abs=1e-6)


def test_targets_reached_cost_nothing():
    rows = torch.nn.functional.normalize(torch.randn(5, 8, generator=torch.manual_seed(0)))
    other = torch.nn.functional.normalize(torch.randn(5, 3, generator=torch.manual_seed(1)))
    assert float(toward(rows, rows)) == pytest.approx(0, abs=1e-6)
    assert float(similarity(rows, rows, 0.1)) == pytest.approx(0, abs=1e-6)
    assert float(similarity(rows, other, 0.1)) > 0.1
    assert float(similarity(rows[:1], other[:1], 0.1)) == 0


def test_leading_components_bear_the_loss_too(weights):
    learner = learner_of(weights)
    pairs = Pairs(HISTORIES, learner.texts, QUICK, repeats=False)
    rows = torch.nn.functional.normalize(
        torch.randn(len(learner.texts), learner.bert.width, generator=torch.manual_seed(0))
    )
    targets = Targets(rows.numpy(), QUICK)
    for task in (pairs, targets, Both(pairs, targets)):
        plain, nested = (
            variant.batch(task.examples[:20]) for variant in (task, Nested(task, (8, 3)))
        )
        np.testing.assert_array_equal(nested.texts, plain.texts)
        vectors = rows[torch.from_numpy(plain.texts)]
        cuts = [torch.nn.functional.normalize(vectors[:, :width]) for width in (8, 3)]
        expected = sum(float(plain.loss(part)) for part in (vectors, *cuts))
        assert float(nested.loss(vectors)) == pytest.approx(expected, rel=1e-5)
    batch = targets.batch(targets.examples)
    narrow = torch.nn.functional.normalize(rows[:, :8])
    expected = similarity(narrow[batch.texts], rows[batch.texts], QUICK.temperature)
    assert float(batch.loss(narrow[batch.texts])) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("chunk_tokens", [1, 20, 60])
def test_gradients_in_chunks_are_those_of_the_whole_batch(weights, chunk_tokens):
    results = []
    for tokens in (100_000, chunk_tokens):
        learner = learner_of(weights, chunk_tokens=tokens)
        pairs = Pairs(HISTORIES, learner.texts, QUICK, repeats=False)
        batch = pairs.batch(pairs.examples[:32])
        assert len(list(learner.texts.chunks(batch.texts, tokens))) == 1 or tokens == chunk_tokens
        loss = learner.backward(batch.texts, batch.loss)
        results.append((loss, {n: t.grad.clone() for n, t in learner.parameters.items()}))
    (unchunked, gradients), (chunked, in_chunks) = results
    assert unchunked == pytest.approx(chunked, rel=1e-5)
    # Some, such as those of the keys' biases, are zero but for rounding: one scale for all.
    scale = max(float(gradient.abs().max()) for gradient in gradients.values())
    for name, gradient in gradients.items():
        torch.testing.assert_close(in_chunks[name], gradient, atol=1e-5 * scale, rtol=1e-3)


def test_layers_that_do_not_learn_are_run_once(weights):
    fresh, remembering = learner_of(weights, layers=1), learner_of(weights, layers=1)
    remembering.remember()
    rows = np.arange(len(fresh.texts))
    expected = fresh.vectors(rows)
    torch.testing.assert_close(remembering.vectors(rows), expected, atol=3e-3, rtol=0)
    names = set(remembering.parameters)
    assert all(name.startswith("encoder.layer.1.") for name in names)
    remembering.bert.tensors["embeddings.word_embeddings.weight"].zero_()
    torch.testing.assert_close(remembering.vectors(rows), expected, atol=3e-3, rtol=0)
    remembering.backward(rows, lambda v: v.square()[:, 0].sum())
    assert all(tensor.grad is not None for tensor in remembering.parameters.values())
    assert remembering.bert.tensors["encoder.layer.0.output.dense.weight"].grad is None


def test_half_the_digits_where_the_hardware_has_them(weights, monkeypatch):
    machine = SimpleNamespace(measure=lambda: SimpleNamespace(flags=("avx2", "bf16")))
    exact = learner_of(weights)
    monkeypatch.setattr(learner_room, "Machine", machine)
    mixed = learner_of(weights, mixed=True)
    rows = np.arange(len(exact.texts))
    actual, expected = mixed.vectors(rows), exact.vectors(rows)
    assert actual.dtype == torch.float32
    assert not torch.equal(actual, expected)
    assert float((actual * expected).sum(dim=1).min()) > 0.99
    mixed.backward(rows, lambda v: v.square()[:, 0].sum())
    assert all(tensor.grad.dtype == torch.float32 for tensor in mixed.parameters.values())


def test_vectors_are_those_of_the_encoder(weights):
    texts = ["red shoe", "", "??", "red  SHOE", "blue"]
    vectors = learner_of(weights, texts).item_vectors()
    encoder = TransformerEncoder.from_pretrained(weights.folder)
    np.testing.assert_allclose(vectors, encoder.encode(texts), atol=2e-5)
    assert not vectors[1].any()


def test_pairs_are_neighbors_and_decayed_histories(weights):
    texts = Texts(weights, ["red", "blue", "shoe", "", "red"], max_tokens=8)
    log = world.events([[0, 1, 2, 3], [3, 1, 4, 0], [2]], 5)
    pairs = Pairs(log.histories, texts, replace(QUICK, newest=5, decay=0.5), repeats=False)
    red, blue, shoe = texts.of_item[:3]
    assert texts.of_item.tolist() == [red, blue, shoe, -1, red]
    # Item 3 has no word and item 4 reads like item 0: the second user went blue, red, red.
    assert pairs.text.tolist() == [red, blue, shoe, blue, red, red, shoe]
    assert pairs.examples.tolist() == [2, 4, 8, 3, 5, 9]
    mixture = pairs.mixture(np.array([4, 5])).toarray()
    assert mixture[0].tolist() == [0, 1, 0]
    assert mixture[1].tolist() == [0.5, 1, 0]


def test_what_a_user_has_met_and_what_reads_alike_is_no_negative(weights):
    texts = Texts(weights, ["red", "blue", "shoe", "music", "red"], max_tokens=8)
    log = world.events([[0, 1, 2], [3, 4]], 5)
    pairs = Pairs(log.histories, texts, QUICK, repeats=False)
    batch = pairs.batch(pairs.examples[: len(pairs.examples) // 2])
    # Targets: blue, shoe (first user), red (second). The first user has met all three, so
    # only the second's row has negatives: blue and shoe.
    vectors = torch.nn.functional.normalize(torch.randn(4, 6))
    rows = {text: at for at, text in enumerate(batch.texts)}
    red, blue, shoe, music = (vectors[rows[texts.of_item[i]]] for i in range(4))
    chance = torch.from_numpy(pairs.log_chance)
    near = torch.stack([music @ red, music @ blue, music @ shoe]) / QUICK.temperature
    off = torch.stack([torch.tensor(0.0), *(chance[texts.of_item[i]] for i in (1, 2))])
    expected = -torch.log_softmax(near - off, 0)[0] / 3
    assert float(batch.loss(vectors)) == pytest.approx(float(expected), rel=1e-5)


def test_both_losses_add_up(weights):
    texts = Texts(weights, CATALOG.texts, max_tokens=16)
    rng = np.random.default_rng(0)
    target_vectors = rng.normal(size=(len(texts), 8)).astype(np.float32)
    target_vectors /= np.linalg.norm(target_vectors, axis=1, keepdims=True)
    target_vectors[0] = 0
    pairs, targets = Pairs(HISTORIES, texts, QUICK, repeats=False), Targets(target_vectors, QUICK)
    assert targets.examples.tolist() == list(range(1, N))
    both = Both(pairs, targets)
    batch, alone = both.batch(both.examples[:9]), pairs.batch(pairs.examples[:9])
    vectors = torch.nn.functional.normalize(torch.randn(len(batch.texts), 8))
    with_target = batch.texts > 0
    held = targets.batch(batch.texts[with_target]).loss(vectors[torch.from_numpy(with_target)])
    assert float(batch.loss(vectors)) == pytest.approx(float(alone.loss(vectors) + held), rel=1e-5)


def test_every_example_comes_once_an_epoch_in_an_order_of_its_own(weights):
    texts = Texts(weights, CATALOG.texts, max_tokens=16)
    pairs = Pairs(HISTORIES, texts, QUICK, repeats=False)
    batches = -(-len(pairs.examples) // QUICK.batch)
    epochs = [
        np.concatenate([order(pairs, QUICK, epoch * batches + step) for step in range(batches)])
        for epoch in range(2)
    ]
    assert all(np.array_equal(np.sort(epoch), np.sort(pairs.examples)) for epoch in epochs)
    assert not np.array_equal(*epochs)
    again = order(pairs, QUICK, batches)
    np.testing.assert_array_equal(again, epochs[1][: len(again)])


def test_nothing_to_learn_from_is_refused(weights):
    texts = Texts(weights, ["red", "red", "blue"], max_tokens=8)
    identical = world.events([[0, 1], [2, 0], [1]], 3).histories
    with pytest.raises(DataError, match="at least two different texts"):
        Pairs(identical, texts, QUICK, repeats=True)
    with pytest.raises(DataError, match="no text has a target"):
        Targets(np.zeros((2, 4), np.float32), QUICK)
    with pytest.raises(DataError, match="batch is 0; at least 1"):
        replace(QUICK, batch=0)
    with pytest.raises(DataError, match="learning_rate is nan"):
        replace(QUICK, learning_rate=float("nan"))
