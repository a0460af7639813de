"""Vocabularies of Unigram and BPE, cut to a catalog's tokens."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from pennyweight.encoders.token_selection import select_tokens
from pennyweight.encoders.tokens import unknown_id
from pennyweight.validation.vocabulary import cover

WORDS = (
    "red shoes running shoe redder blue bluest music musical instrument strings string stringed "
    "instruments guitar guitars naïve café übergroß running runner run runs the of and for with"
).split()
CORPUS = [" ".join(WORDS[i % 7 :: 1 + i % 5]) for i in range(200)]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
NEEDED = ["red shoes", "the guitar strings", "musical instruments for running"]


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return marked(tokenizer)


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return marked(tokenizer)


def marked(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


WHOLE = {"Unigram": unigram(), "BPE": byte_level()}
CUT = {
    kind: select_tokens(tokenizer.to_str(), NEEDED, frequent=5, first=2)
    for kind, tokenizer in WHOLE.items()
}


def tokens(tokenizer: Tokenizer, text: str) -> list[str]:
    return tokenizer.encode(text).tokens


@pytest.mark.parametrize("kind", WHOLE)
def test_the_vocabulary_shrinks_and_ids_move_in_order(kind):
    old, text = CUT[kind]
    cut = Tokenizer.from_str(text)
    assert cut.get_vocab_size() == len(old) < WHOLE[kind].get_vocab_size()
    assert (np.diff(old) > 0).all()
    assert [cut.token_to_id(token) for token in SPECIAL] == list(range(len(SPECIAL)))
    for sample in NEEDED:
        ids = cut.encode(sample).ids
        assert old[ids].tolist() == WHOLE[kind].encode(sample).ids


@pytest.mark.parametrize("kind", WHOLE)
@given(st.lists(st.sampled_from([*WORDS, "ñ", "手", "xyz", "reds", "guitarstring"]), max_size=4))
def test_texts_whose_tokens_stay_keep_them(kind, words):
    cut, whole, text = Tokenizer.from_str(CUT[kind][1]), WHOLE[kind], " ".join(words)
    before = tokens(whole, text)
    if set(before) <= set(cut.get_vocab()):
        assert tokens(cut, text) == before
    # No character becomes unknown that was known.
    assert tokens(cut, text).count("<unk>") <= before.count("<unk>")


def test_the_score_of_unknown_characters_stays():
    model = json.loads(CUT["Unigram"][1])["model"]
    whole = json.loads(WHOLE["Unigram"].to_str())["model"]
    assert min(score for _, score in model["vocab"]) == min(score for _, score in whole["vocab"])
    assert model["vocab"][model["unk_id"]][0] == "<unk>"


def test_frequent_tokens_of_unigram_are_those_of_high_scores():
    whole = WHOLE["Unigram"]
    _, text = select_tokens(whole.to_str(), [], frequent=3)
    vocabulary = json.loads(whole.to_str())["model"]["vocab"]
    long = [(token, score) for token, score in vocabulary if len(token) > 1]
    long = [pair for pair in long if pair[0] not in SPECIAL]
    best = sorted(long, key=lambda pair: -pair[1])[:3]
    assert {token for token, _ in best} <= set(Tokenizer.from_str(text).get_vocab())


def test_merges_of_kept_tokens_stay():
    _, text = select_tokens(WHOLE["BPE"].to_str(), ["instruments"], frequent=0)
    model = json.loads(text)["model"]
    assert all("".join(pair) in model["vocab"] for pair in model["merges"])
    assert all(part in model["vocab"] for pair in model["merges"] for part in pair)
    assert len(model["merges"]) < len(json.loads(WHOLE["BPE"].to_str())["model"]["merges"]) / 2


def test_merges_of_older_files_are_read():
    tokenizer = json.loads(WHOLE["BPE"].to_str())
    tokenizer["model"]["merges"] = [" ".join(pair) for pair in tokenizer["model"]["merges"]]
    old, text = select_tokens(json.dumps(tokenizer), NEEDED, frequent=5, first=2)
    assert (old == CUT["BPE"][0]).all() and json.loads(text) == json.loads(CUT["BPE"][1])


def test_unknown_words_are_counted_where_there_are_any():
    assert unknown_id(WHOLE["Unigram"]) == SPECIAL.index("<unk>")
    assert unknown_id(WHOLE["BPE"]) is None  # bytes spell everything
    coverage = cover(WHOLE["Unigram"], ["red shoes", "手 blue"])
    assert coverage.unknown_texts == 1 and coverage.unknown_examples == ("'手' in '手 blue'",)
    assert cover(WHOLE["BPE"], ["red shoes", "手 blue"]).unknown == 0
