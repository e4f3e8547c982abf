"""Places within an organ: named beside the organ or a part of it, one of those that exclude each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.schemas.finding import Kind
from oncofhir.terminology.coding import codings
from oncofhir.terminology.qualifiers import location_qualifiers, with_location
from oncofhir.terminology.tables import by_code

WORDS = "upper lower mid middle superior inferior proximal distal central peripheral outer left third lobe of and"
SITES = "breast lung esophagus skin rectum"


def places(value):
    (site,) = codings(Kind.TUMOR_SITE, None, value)
    return [place.display for place in location_qualifiers(value, site)]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("upper outer quadrant of left breast", "Upper"),
        ("breast, outer-lower quadrant", "Lower"),
        ("Lung, right lower lobe", "Lower"),
        ("middle lobe of right lung", "Middle"),
        ("distal esophagus", "Distal"),
        ("Esophagus (mid)", "Middle"),
        ("mid-esophagus", "Middle"),
        ("stomach, proximal", "Proximal"),
        ("rectum, upper third", "Upper"),
        ("peripheral zone of prostate", "Peripheral"),
        ("breast, central portion", "Central"),
        ("upper pole of left kidney", "Upper"),
        ("left breast, superior", "Superior"),
        ("left breast, inferior aspect", "Inferior"),
    ],
)
def test_a_place_in_the_organ_is_a_qualifier(value, place):
    assert places(value) == [f"{place} (qualifier value)"]


@pytest.mark.parametrize(
    "value",
    [
        "lung",
        "upper and lower lobe of lung",
        "superior segment of lower lobe of lung",
        "esophagus, mid and distal third",
        "skin, upper third of ear",
        "skin of lower leg",
        "distal pancreatic duct",
        "rectum and lower lobe of lung",
        "lower lobe of left lung",  # its concept says so itself
    ],
)
def test_what_is_no_single_place_of_the_organ_has_none(value):
    assert places(value) == []


@pytest.mark.parametrize(
    ("value", "quote", "said"),
    [
        (
            "breast",
            "Left breast, upper outer quadrant, lumpectomy: carcinoma",
            "upper outer quadrant",
        ),
        ("breast", "Breast, left, lower-inner quadrant: carcinoma", "lower inner quadrant"),
        ("lung", "Cancer of the upper lobe of the right lung.", "upper lobe"),
        ("lung", "LUNG (RIGHT UPPER LOBE): ADENOCARCINOMA", "upper lobe"),
        ("esophagus", "Esophagus, distal, biopsy: adenocarcinoma", "distal"),
        ("esophagus", "Adenocarcinoma of the distal esophagus.", "distal"),
        ("breast", "Left breast: carcinoma", None),
        ("breast", "upper outer quadrant of breast; breast, lower inner quadrant", None),
        ("stomach", "Stomach, distal gastrectomy: adenocarcinoma", None),
        ("colon", "Colon: distal margin free", None),
        ("lung", "Liver, upper pole; lung: metastasis", None),
        ("lung, upper lobe", "Lung, lower lobe", None),
        ("skin", "Skin, upper third of ear", None),
        ("rectum and colon", "Rectum, upper third", None),
        ("lung", "Middle and lower lobes, right lung, bilobectomy", None),
        ("lung", "Lymph nodes, right upper lobe lung, excision", None),
        ("testis", "Normal testis at the lower pole of the testis", None),
        ("cervix", "Cervix: upper portion of endocervical glands", None),
        ("breast", "Left breast, upper outer quadrant: benign tissue", None),
        ("lung", "Lung, right upper lobe, lobectomy: carcinoma, no pleural invasion", "upper lobe"),
    ],
)
def test_a_site_takes_the_one_place_that_its_quote_names_beside_it(value, quote, said):
    assert with_location(value, [quote]) == (f"{value}, {said}" if said else value)


@pytest.mark.parametrize(
    ("value", "quote"),
    [
        ("breast", "Right breast, lower outer quadrant margin, excision: negative for carcinoma"),
        ("breast", "Left breast, superior, excision: negative for carcinoma"),
        ("breast", "carcinoma involving upper inner and upper outer quadrant of left breast"),
        ("breast", "carcinoma between nipple and upper outer quadrant of left breast"),
        ("breast", "carcinoma 2 cm medial to upper outer quadrant of left breast"),
        (
            "breast",
            "left breast, upper outer quadrant: carcinoma extending into the central portion",
        ),
        ("breast", "The upper outer quadrant of the breast is free of carcinoma"),
        ("breast", "scar in the upper outer quadrant of breast of earlier carcinoma"),
        ("breast", "Skin of the lower inner quadrant of the breast: carcinoma"),
        ("breast", "Cancer of the right breast, upper outer quadrant"),
        ("lung", "squamous cell carcinoma of the hilum, extending into the upper lobe of the lung"),
        ("lung", "right lung, superior segment: carcinoma"),
        ("lung", "Bronchus, distal: carcinoma"),
        ("colon", "adenocarcinoma of the proximal sigmoid"),
        ("stomach", "Stomach: adenocarcinoma of the proximal antrum"),
        ("pancreas", "Carcinoma in pancreas, upper pole left kidney and liver"),
        ("esophagus", "Distal esophagus, stomach, esophagogastrectomy: adenocarcinoma of cardia"),
        (
            "axillary tail of left breast",
            "Axillary tail of left breast, upper outer quadrant: carcinoma",
        ),
        ("nipple of left breast", "Nipple of left breast, central portion: carcinoma"),
    ],
)
def test_a_place_that_may_be_another_than_the_tumours_is_none(value, quote):
    assert with_location(value, [quote], "left") == value
    assert with_location(value, ["Left breast: carcinoma", quote]) == value, (
        "the first quote counts"
    )


@given(st.lists(st.sampled_from((WORDS + " " + SITES + " , ( )").split()), max_size=9))
def test_places_never_contradict_each_other_and_come_from_the_table(words):
    value = " ".join(words)
    found = codings(Kind.TUMOR_SITE, None, value)
    named = location_qualifiers(value, found[0]) if found else ()
    assert {place.code for place in named} <= set(by_code("body_location_qualifier"))
    said = {(place.display or "").split()[0] for place in named}
    for excluding in (
        {"Upper", "Lower", "Middle"},
        {"Proximal", "Distal"},
        {"Central", "Peripheral"},
    ):
        assert len(said & excluding) <= 1
    if not {"breast", "lung", "esophagus", "rectum"} & set(words):
        assert named == ()


@given(st.text(), st.text())
def test_no_text_raises(value, quote):
    assert with_location(value, [quote]).startswith(value)
    location_qualifiers(value, by_code("body_sites")["39607008"])
