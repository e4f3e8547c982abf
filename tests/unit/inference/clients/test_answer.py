"""The same output is the same answer with the same confidence, whatever a server returns beside it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.inference.clients.answer import answer_of, code, cut_at_stop
from oncofhir.inference.clients.client import CompletionRequest, GeneratedToken
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason

REQUEST = CompletionRequest(prompt="p", max_new_tokens=50, stop=("###", "\n"))
HALF, RARE = math.log(0.5), -9.0


def tokens(*pairs):
    return [GeneratedToken(text, logprob) for text, logprob in pairs]


def answer(text, reason="stop", found=(), request=REQUEST):
    return answer_of(request, text, reason, found, address="http://model")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2.5 cm", [("2.5", HALF), (" cm", HALF)]),
        ("2.5 cm", [("2.5", HALF), (" cm", HALF), ("</s>", RARE)]),  # vLLM
        ("2.5 cm", [("2.5", HALF), (" cm", HALF), ("", RARE)]),  # llama.cpp
        ("2.5 cm\n", [("2.5", HALF), (" cm", HALF), ("\n", RARE)]),  # TGI keeps the stop string
        ("2.5 cm", [("2.5", HALF), (" cm", HALF), ("\n", RARE)]),  # the others do not
        (
            "2.5 cm",
            [("\u01202.5", HALF), ("\u0120cm", HALF), ("</s>", RARE)],
        ),  # a tokenizer's own strings
        ("2.5 cm", [("", HALF), ("", HALF), ("", RARE)]),  # no strings at all
    ],
)
def test_neither_end_token_nor_stop_string_counts(text, found):
    completion = answer(text, found=tokens(*found))
    assert completion.text == "2.5 cm"
    assert completion.confidence == pytest.approx(0.5)


def test_a_character_of_several_tokens_counts_with_all_of_them():
    found = tokens(("Gr", HALF), ("", HALF), ("\u00f6", HALF), ("", RARE))
    completion = answer("Gr\u00f6", found=found)
    assert completion.tokens == tuple(found[:3])


def test_an_answer_that_was_cut_off_keeps_its_last_token():
    found = tokens(("\u0120a", HALF), ("\u0120b", HALF))
    assert len(answer("a b", "length", found).tokens) == 2


def test_the_confidence_of_a_part_is_that_of_its_tokens():
    found = tokens(('{"a": "', 0.0), ("left", HALF), ('"}', 0.0))
    completion = answer('{"a": "left"}', found=found, request=REQUEST)
    assert completion.confidence_of(7, 11) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "text",
    [
        "<think>It says 3 cm.\nBut then</think>\n2.5 cm",
        "\n<THINK>3 cm</THINK>2.5 cm",
        "[THINK]3 cm[/THINK] 2.5 cm",
        "It says 3 cm ### maybe</think>\n\n2.5 cm",  # the chat template opened it
        "<think></think>2.5 cm",
        "<think>3 cm</think>\n<think>or 4</think> 2.5 cm",
        "<thought>3 cm</thought>2.5 cm",
        "<seed:think>3 cm</seed:think>2.5 cm",
        "It says 3 cm</THINKING>2.5 cm",
        "\u25c1think\u25b73 cm\u25c1/think\u25b72.5 cm",
        "<|begin_of_thought|>3 cm<|end_of_thought|>\n2.5 cm",
        "<|channel|>analysis<|message|>3 cm<|end|><|start|>assistant<|channel|>final<|message|>2.5 cm",
        "analysisThe report says 3 cm.assistantfinal2.5 cm",
    ],
)
def test_reasoning_is_left_out_of_text_and_confidence(text):
    at = text.index("2.5")
    found = tokens((text[:at], RARE), ("2.5 cm", HALF))
    completion = answer(text, found=found)
    assert completion.text == "2.5 cm"
    assert completion.confidence == pytest.approx(0.5)


@pytest.mark.parametrize(
    "text",
    [
        "<think>3 cm",
        "<think>a</thin",
        "[THINK]x",
        " <reasoning>\n",
        "<think>a</think><think>3 cm",
        "\u25c1think\u25b73 cm",
        "<|channel|>analysis<|message|>3 cm",
        "<scratchpad>3 cm",
    ],
)
def test_an_answer_that_ends_inside_the_reasoning_is_none(text):
    with pytest.raises(DependencyUnavailable) as raised:
        answer(text, "length")
    assert raised.value.reason is Reason.MODEL_NO_ANSWER
    assert "3 cm" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "abort"),
        ("left", "abort"),
        ("left", "error"),
        ("", "content_filter"),
        ("", "tool_calls"),
        ("x", "CANARY 7731 the patient said"),
        (None, "stop"),
        (None, "length"),
        ("", None),
    ],
)
def test_what_is_no_answer_is_never_an_empty_one(text, reason):
    with pytest.raises(DependencyUnavailable) as raised:
        answer(text, reason)
    assert raised.value.reason is Reason.MODEL_NO_ANSWER
    assert "CANARY" not in str(raised.value)


@pytest.mark.parametrize("reason", ["eos_token", "stop_sequence", "length", "stop", None])
def test_finished_answers(reason):
    assert answer("left", reason).text == "left"


def test_an_empty_answer_is_one():
    completion = answer("", "stop", tokens(("</s>", RARE)))
    assert (completion.text, completion.tokens) == ("", ())


def test_the_first_stop_string_ends_the_text():
    assert cut_at_stop("a\nb ### c", ("###", "\n")) == "a"
    assert cut_at_stop("a", ("###",)) == "a"


@given(st.text())
def test_a_code_is_short_or_none(value):
    assert code(value) == "other" or (len(value) <= 50 and " " not in value)


@given(
    st.text(max_size=60), st.lists(st.tuples(st.text(max_size=5), st.floats(-20, 0)), max_size=9)
)
def test_any_answer_gives_a_confidence_or_none(text, found):
    try:
        completion = answer(text, "stop", tokens(*found))
    except DependencyUnavailable as error:
        assert error.reason is Reason.MODEL_NO_ANSWER  # noqa: PT017 - both ends are right
        return
    assert completion.text in text
    assert completion.confidence is None or 0 < completion.confidence <= 1
