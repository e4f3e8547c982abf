"""A finding stays itself from version to version, whatever becomes of the others."""

from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.mapping.finding_slots import assign_slots
from oncofhir.schemas.finding import Finding, Kind

labels = st.sampled_from(["A", "B", "C", "D"])
versions = st.lists(labels, unique=True, min_size=1).flatmap(
    lambda parts: st.permutations(parts).map(tuple)
)


def sizes(parts):
    return [
        Finding(kind=Kind.TUMOR_SIZE, value=f"{part}", raw="", evidence=(), part=part)
        for part in parts
    ]


def named(parts, known=None):
    return {f.part: slot for slot, f in assign_slots(sizes(parts), known or {}).items()}


@given(st.lists(versions, min_size=2, max_size=6))
def test_a_part_keeps_its_slot_through_any_history(history):
    known: dict[str, str | None] = {}
    of_part: dict[str, str] = {}
    for parts in history:
        slots = named(parts, known)
        assert len(set(slots.values())) == len(parts), "no two share a slot"
        for part, slot in slots.items():
            assert of_part.setdefault(part, slot) == slot
        known |= {slot: part for part, slot in slots.items()}


def test_the_first_part_is_the_one_that_had_no_label():
    known = dict.fromkeys(named([None]).values())
    assert named(["A", "B"], known) == {"A": "tumor-size", "B": "tumor-size/part-B"}


def test_a_report_that_drops_its_labels_keeps_the_plain_slot():
    known = {slot: part for part, slot in named(["A", "B"]).items()}
    assert named([None], known) == {None: "tumor-size"}


def test_the_same_thing_twice_gets_an_ordinal():
    found = assign_slots(sizes(["A", "A", None, None]), {})
    assert list(found) == ["tumor-size", "tumor-size/part-A", "tumor-size/1", "tumor-size/2"]
