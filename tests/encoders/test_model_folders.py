"""Model folders in the layouts of transformers and sentence-transformers."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import DataError
from pennyweight.training.bert import Bert
from tiny_families import states, torch, transformers, unit, write_tiny

TEXTS = ["red shoe", "blue music 手机 for 3 days", "a b c d " * 10]
INDEX = "model.safetensors.index.json"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_tiny(tmp_path / "tiny", "distilbert")


def saved_again(folder: Path, *, dtype: object = None, **options: object) -> None:
    """Save the model of a folder anew with transformers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = transformers.AutoModel.from_pretrained(folder)
        (folder / "model.safetensors").unlink()
        model.to(dtype or torch.float32).save_pretrained(folder, **options)


def encode(folder: Path, precision: str = "fp32") -> np.ndarray:
    return TransformerEncoder.from_pretrained(folder, threads=1, precision=precision).encode(TEXTS)


@pytest.fixture
def sharded(folder) -> Path:
    saved_again(folder, max_shard_size="20KB")
    return folder


def test_shards_are_read_as_one_file(tmp_path, sharded):
    shards = sorted(sharded.glob("model-*.safetensors"))
    assert len(shards) > 2
    one = write_tiny(tmp_path / "one", "distilbert")
    np.testing.assert_array_equal(encode(sharded), encode(one))
    assert find_weights(sharded).fingerprint != find_weights(one).fingerprint
    before = find_weights(sharded).fingerprint
    tensors = load_file(shards[1])
    name = next(iter(tensors))
    save_file({**tensors, name: tensors[name] + 1}, shards[1])
    assert find_weights(sharded).fingerprint != before
    encoder = TransformerEncoder.from_pretrained(sharded, threads=1)
    (sharded / "onnx").mkdir()
    (sharded / "onnx/model.onnx").write_text("for another runtime")
    encoder.save(tmp_path / "saved")
    again = TransformerEncoder.load(tmp_path / "saved")
    np.testing.assert_array_equal(again.encode(TEXTS), encoder.encode(TEXTS))
    saved = {path.name for path in (tmp_path / "saved/tiny").iterdir()}
    assert saved == {path.name for path in sharded.iterdir()} - {"onnx"}


def test_a_shard_that_is_missing_is_named(sharded):
    shard = sorted(sharded.glob("model-*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(DataError, match=rf"no {shard.name}, which {INDEX} names"):
        find_weights(sharded)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"a": "../tiny/model.safetensors"}}, r"no \.\./tiny/model\.safetensors"),
        ({"weight_map": {}}, "no weight_map"),
        ({"weight_map": ["a"]}, "no weight_map"),
        (["a"], "not the JSON of a model"),
    ],
)
def test_an_index_that_names_no_shards_is_refused(sharded, index, message):
    (sharded / INDEX).write_text(json.dumps(index))
    with pytest.raises(DataError, match=message):
        find_weights(sharded)


def test_half_precision_is_widened(folder):
    full = encode(folder)
    for dtype in (torch.bfloat16, torch.float16):
        saved_again(folder, dtype=dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = transformers.AutoModel.from_pretrained(folder, dtype=dtype)
        tensors = find_weights(folder).tensors()
        for name, tensor in model.float().state_dict().items():
            own = name.replace("transformer.layer", "encoder.layer")
            if own in tensors:
                np.testing.assert_array_equal(tensors[own], tensor.numpy())
        assert (encode(folder) * full).sum(axis=1).min() > 0.999


def test_a_pickle_is_refused_with_the_remedy(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"pytorch_model\.bin is a pickle.*save_pretrained"):
        find_weights(folder)
    (folder / "pytorch_model.bin").unlink()  # as the hub gives a model that has no other file
    with pytest.raises(DataError, match=r"published as pytorch_model\.bin alone, write"):
        find_weights(folder)


def test_texts_are_cut_at_the_length_of_training(folder):
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 9}')
    encoder = TransformerEncoder.from_pretrained(folder, threads=1, max_tokens=100)
    assert encoder.max_tokens == 9
    rows = encoder.encode(["red " * 7, "red " * 8])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": "long"}')
    with pytest.raises(DataError, match="max_seq_length 'long'"):
        find_weights(folder)


def add_modules(folder: Path, *kinds: str, activation: str = "Tanh", dim: int = 8) -> np.ndarray:
    """Write modules.json, and a Dense for each that it names; return the weights of the last."""
    modules = []
    weight = np.zeros((0, 0), np.float32)
    for number, kind in enumerate(("Transformer", "Pooling", *kinds)):
        path = f"{number}_{kind}" if number else ""
        modules.append(
            {"idx": number, "path": path, "type": f"sentence_transformers.models.{kind}"}
        )
        if kind == "Dense":
            (folder / path).mkdir()
            weight = np.random.default_rng(number).normal(0, 0.3, (dim, 32)).astype(np.float32)
            bias = np.linspace(-0.2, 0.2, dim, dtype=np.float32)
            save_file(
                {"linear.weight": weight, "linear.bias": bias}, folder / path / "model.safetensors"
            )
            name = f"torch.nn.modules.activation.{activation}"
            config = {"in_features": 32, "out_features": dim, "activation_function": name}
            (folder / path / "config.json").write_text(json.dumps(config))
    (folder / "modules.json").write_text(json.dumps(modules))
    return weight


@pytest.mark.parametrize("activation", ["Tanh", "Identity", "ReLU", "GELU", "Sigmoid"])
@pytest.mark.parametrize("kinds", [("Dense", "Normalize"), ("Normalize", "Dropout", "Dense")])
def test_dense_modules_are_part_of_the_model(tmp_path, folder, kinds, activation):
    encoder = TransformerEncoder.from_pretrained(folder, threads=1)
    ids = [encoder.tokenizer.encode(text).ids for text in TEXTS]
    pooled = np.stack([row.mean(0) for row in states(folder, ids)])
    weight = add_modules(folder, *kinds, activation=activation)
    if kinds[0] == "Normalize":
        pooled = unit(pooled)
    projected = torch.from_numpy(pooled @ weight.T + np.linspace(-0.2, 0.2, 8, dtype=np.float32))
    function = getattr(torch.nn, activation)()
    expected = unit(function(projected).numpy())
    np.testing.assert_allclose(encode(folder), expected, atol=2e-5)
    dense = TransformerEncoder.from_pretrained(folder, threads=1)
    assert dense.dim == 8 and dense.fingerprint != encoder.fingerprint
    model = Bert(find_weights(folder))
    with torch.no_grad():
        for row, tokens in zip(expected, ids, strict=True):
            one, mask = torch.tensor([tokens]), torch.ones(1, len(tokens), dtype=torch.bool)
            vector = model.pool(model.run(model.embed(one), mask), mask)[0]
            np.testing.assert_allclose(vector.numpy(), row, atol=2e-5)
    small = TransformerEncoder.from_pretrained(folder, threads=1, precision="int8")
    small.save(tmp_path / "saved")
    again = TransformerEncoder.load(tmp_path / "saved")
    np.testing.assert_array_equal(again.encode(TEXTS), small.encode(TEXTS))
    assert (small.encode(TEXTS) * expected).sum(axis=1).min() > 0.98


def test_dense_modules_that_do_not_fit_are_refused(folder):
    add_modules(folder, "Dense")
    place = folder / "2_Dense"
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**config, "out_features": 9}))
    with pytest.raises(DataError, match=r"\(8, 32\) does not map 32 components to 9"):
        encode(folder)
    for wrong in ({"out_features": "many"}, {"activation_function": "a.Mish"}):
        (place / "config.json").write_text(json.dumps({**config, **wrong}))
        with pytest.raises(DataError, match=r"2_Dense/config\.json: Dense of .* supported are"):
            find_weights(folder)
    (place / "config.json").write_text(json.dumps(config))
    tensors = load_file(place / "model.safetensors")
    (place / "model.safetensors").unlink()
    with pytest.raises(DataError, match=r"2_Dense: no model\.safetensors; save the model"):
        find_weights(folder)
    save_file(
        {**tensors, "linear.bias": np.full(8, np.nan, np.float32)}, place / "model.safetensors"
    )
    with pytest.raises(DataError, match=r"'linear\.bias' is not finite"):
        encode(folder)


def test_a_module_outside_the_folder_is_refused(folder):
    add_modules(folder, "Dense")
    modules = json.loads((folder / "modules.json").read_text())
    modules[2]["path"] = "../2_Dense"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(DataError, match=r"Dense in '\.\./2_Dense' not supported"):
        find_weights(folder)
