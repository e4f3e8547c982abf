"""What is found where nothing is, and the wrong findings for every 100 right."""

from oncofhir.evaluation.dataset import Item, Phenotype
from oncofhir.evaluation.scoring.false_facts import false_facts
from oncofhir.evaluation.scoring.tally import tallies
from tests.unit.evaluation.builders import observed

SIZE = Item(phenotype=Phenotype.SIZE)
GRADE = Item(phenotype=Phenotype.GRADE)
ER = Item(phenotype=Phenotype.RECEPTORS, slot="ER")


def counted(*reports):
    return false_facts([tallies(observed(gold, found)) for gold, found in reports])


def test_a_finding_at_an_absent_label_and_a_wrong_value_are_both_wrong():
    said = counted(
        ({SIZE: "25 mm", GRADE: None, ER: None}, {SIZE: "25 mm", GRADE: "2"}),
        ({SIZE: "12 mm", GRADE: None, ER: "positive"}, {SIZE: "8 mm", ER: "positive"}),
    )
    assert said["micro"].absent == 3
    assert said["micro"].found == 1
    assert (said["micro"].right, said["micro"].wrong) == (2, 2)
    assert said["micro"].wrong_per_100_right == 100
    assert said["cancer_grade"].wrong_per_100_right is None
    assert said["tumor_size"].wrong_per_100_right == 100
    assert "diagnosis" not in said


def test_nothing_found_is_no_false_fact():
    said = counted(({SIZE: None, GRADE: "2"}, {}))
    assert said["micro"].found == 0
    assert said["micro"].wrong == 0
