"""Simulated servers behave as the real ones did, so that a benchmark on them says something.

Recorded of TGI 3.3.6, vLLM 0.32 and llama.cpp's server on 27 November 2026, 48 reports, as ratios of one run:

- TGI: a request's queue time is 11 to 13 % of its time at 4, 8, 16 and 32 in flight alike.
- TGI: a worker that kept 3 to 9 in flight used 60 to 72 % of what 16 to 32 in flight gave.
- TGI: prompt tokens computed per report, 6,158 with all questions together, 2,118 with one question first.
- vLLM: 1,358 and 1,440: one question first gains nothing.
"""

import pytest

from benchmarks.simulated_load import measure
from benchmarks.simulated_server import LLAMA_CPP, SLOW_CPU, TGI, VLLM


@pytest.mark.parametrize("limit", [4, 8, 16, 32])
def test_tgis_queue_time_is_there_at_rest(limit):
    assert measure(TGI, limit=limit, warm_up=2, seconds=6).queue_share == pytest.approx(
        0.12, abs=0.03
    )


def test_tgi_is_faster_with_more_in_flight():
    few, more, most = (measure(TGI, limit=n, warm_up=2, seconds=8).reports for n in (6, 16, 32))
    assert 0.55 <= few / most <= 0.72
    assert 0.8 <= more / most < 1


def test_one_question_first_pays_on_tgi():
    first = measure(TGI, limit=32, warm_up=2, seconds=8, leader_first=True, reports=8)
    together = measure(TGI, limit=32, warm_up=2, seconds=8, leader_first=False, reports=8)
    recorded = 6158 / 2118
    assert together.computed / first.computed == pytest.approx(recorded, rel=0.15)
    assert together.computed > 0.9 * together.asked


def test_one_question_first_gains_nothing_on_vllm():
    first = measure(VLLM, limit=32, warm_up=4, seconds=10, leader_first=True, reports=8)
    together = measure(VLLM, limit=32, warm_up=4, seconds=10, leader_first=False, reports=8)
    assert first.computed / together.computed == pytest.approx(1440 / 1358, abs=0.12)
    assert together.computed / together.asked == pytest.approx(1358 / 6158, abs=0.03)


def test_more_than_its_slots_gains_nothing_on_llama_cpp():
    four, many = (measure(LLAMA_CPP, limit=n, warm_up=5, seconds=40).reports for n in (4, 32))
    assert many == pytest.approx(four, rel=0.2)


def test_a_slow_server_is_as_fast_with_few():
    few, many = (measure(SLOW_CPU, limit=n, warm_up=60, seconds=200).reports for n in (6, 24))
    assert many == pytest.approx(few, rel=0.2)


@pytest.mark.parametrize("mode", [TGI, VLLM, LLAMA_CPP], ids=lambda mode: mode.name)
def test_the_adaptive_limit_is_near_the_best_after_a_minute(mode):
    adaptive = measure(mode, warm_up=60, seconds=15)
    best = max(measure(mode, limit=n, warm_up=3, seconds=8).reports for n in (4, 32))
    assert adaptive.reports >= 0.93 * best
    assert not adaptive.refused
