"""Windows: every sentence is in one, none is too long, and they end where parts and sections do."""

import asyncio
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.inference.prompting.tokenizer import LocalTokenizer
from oncofhir.inference.prompting.windows import estimate_token_ends, windows

WORDS = st.text(alphabet="ab .\n1", min_size=1, max_size=3000)


def word_ends(text):
    return tuple(i + 1 for i, c in enumerate(text) if i + 1 == len(text) or text[i + 1] == " ")


@given(WORDS, st.integers(20, 300), st.sampled_from([word_ends, estimate_token_ends]))
def test_windows_hold_every_sentence_and_no_more_tokens_than_allowed(read, text, most, ends_of):
    report = read(text)
    ends = ends_of(text)
    found = windows(report, ends, most)
    for start, end in found:
        inside = [e for e in ends if start < e <= end]
        assert len(inside) <= most
    covered = {i for start, end in found for i in range(start, end)}
    assert all(i in covered or text[i] in " .\n" for i in range(len(text)))


def test_windows_end_where_a_part_ends_and_do_not_overlap_there(read):
    first = "A. LEFT BREAST, EXCISION:\n" + "Invasive carcinoma is seen in this part. " * 20
    second = "\nB. RIGHT BREAST, EXCISION:\n" + "Benign tissue is seen in that part. " * 20
    report = read("FINAL DIAGNOSIS:\n" + first + second)
    assert [part.label for part in report.parts] == ["A", "B"]
    ends = word_ends(report.text)
    found = windows(report, ends, int(len(ends) * 0.6))
    (_, cut), (again, _) = found
    assert cut <= again
    assert report.part_at(again).label == "B"
    assert "this part" not in report.text[again:]


def test_windows_within_a_part_overlap(read):
    report = read("Invasive carcinoma is seen here again. " * 200)
    found = windows(report, word_ends(report.text), 300)
    assert all(later[0] < earlier[1] for earlier, later in pairwise(found))


def test_a_tokenizer_of_a_file_tells_where_tokens_end(tmp_path):
    file = tmp_path / "tokenizer.json"
    vocabulary = {"[UNK]": 0, "left": 1, "breast": 2}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}
    file.write_text(json.dumps({"model": model, "pre_tokenizer": {"type": "Whitespace"}}))
    ends = asyncio.run(LocalTokenizer(file).token_ends("left breast: 2"))
    assert ends == (4, 11, 12, 14)


def test_a_file_that_is_no_tokenizer_is_said_to_be_none(tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text("{}")
    with pytest.raises(ValueError, match="tokenizer"):
        LocalTokenizer(file)
