import pytest

from oncofhir.inference.lesions.size_target import tumour_size_weight
from oncofhir.inference.mentions.size import sizes


@pytest.mark.parametrize(
    ("text", "is_tumor"),
    [
        ("Tumor size: 2.2 x 2.0 cm. margin 0.4 cm", True),
        ("the tumor is 1.2 cm from the deep margin", False),
        ("the tumor is 1.2 cm. from the deep margin", False),
        ("invasive ductal carcinoma, Nottingham grade 2, 1.4 cm. ER negative", True),
        ("Received is a specimen measuring 22 x 18 x 5 cm", False),
    ],
)
def test_what_the_first_size_measures(text, is_tumor):
    assert (tumour_size_weight(text, next(iter(sizes(text)))) > 0) is is_tumor
