from hypothesis import given
from hypothesis import strategies as st

from oncofhir.review.web.charts import JUDGED, WIDTH, bars, summed
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.review import Agreement

COUNTS = st.integers(0, 10_000)


def row(confirmed=0, corrected=0, refuted=0, missed=0):
    return Agreement(
        kind=Kind.TUMOR_SIZE,
        site="ehr",
        model="m",
        confirmed=confirmed,
        corrected=corrected,
        refuted=refuted,
        missed=missed,
    )


@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS), max_size=5))
def test_bars_stay_in_the_chart_and_add_up(counts):
    drawn = bars([(str(n), row(*c)) for n, c in enumerate(counts)])
    for bar, wanted in zip(drawn, counts, strict=True):
        assert bar.total == sum(wanted)
        assert [s.count for s in bar.segments] == [c for c in wanted if c]
        assert all(s.x + s.width <= WIDTH for s in bar.segments)


def test_a_sum_has_no_kappa():
    one = row(confirmed=3).model_copy(update={"kappa": 0.9, "double_reviewed": 4})
    total = summed([one, row(confirmed=1, missed=2)])
    assert [getattr(total, name) for name in JUDGED] == [4, 0, 0, 2]
    assert (total.kappa, total.double_reviewed) == (None, 4)
    assert summed([]) is None
