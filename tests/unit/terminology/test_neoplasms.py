"""The table of neoplasms agrees with its sources, and its names are found as reports write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology import icd10cm
from oncofhir.terminology.neoplasm_mentions import find_neoplasms, neoplasm_of
from oncofhir.terminology.neoplasms import (
    agree,
    broader_names,
    is_generic,
    is_kind_of,
    neoplasm,
    neoplasms,
)
from oncofhir.terminology.sites import sites

CODED = [one for one in neoplasms().values() if one.icd10cm]
WORDS = [(word, one.name) for one in neoplasms().values() for word in (one.name, *one.words)]


@pytest.fixture(scope="module")
def icd():
    """The CDC's release of April 2026; to import it is to parse it, which takes seconds."""
    import simple_icd_10_cm

    return simple_icd_10_cm


def behaviour_of(category: str) -> set[Behaviour]:
    """What the block of a category means (ICD-10-CM, chapter 2)."""
    block, number = category[0], category[1:3]
    if block == "C":
        return {
            Behaviour.METASTATIC
            if category[:3] in {"C77", "C78", "C79", "C7B"}
            else Behaviour.INVASIVE
        }
    if number < "10":
        return {Behaviour.IN_SITU}
    if number < "37":
        return {Behaviour.BENIGN}
    # the WHO counts D45 to D47.4 as malignant since ICD-O-3
    return {Behaviour.BORDERLINE, Behaviour.INVASIVE}


@pytest.mark.parametrize("one", CODED, ids=lambda one: one.name)
def test_the_category_of_a_name_is_one_of_the_tabular_list_and_of_its_behaviour(one, icd):
    for category in (one.icd10cm, one.unspecified, *one.grades.values()):
        if category is not None:
            assert icd.is_valid_item(category), category
    if one.icd10cm[0] in "CD":
        assert one.behaviour in behaviour_of(one.icd10cm)


def test_names_are_told_apart_and_lead_to_a_broadest_one():
    names = neoplasms()
    for one in names.values():
        assert set(one.organs) <= {site.name for site in sites()}
        assert all(broader in names for broader in broader_names(one.name))
        assert one.parent is None or one.parent in names
        if one.behaviour is Behaviour.INVASIVE:
            assert broader_names(one.name)[-1] == "malignant neoplasm"


@pytest.mark.parametrize(("word", "name"), WORDS)
def test_each_word_is_found_as_its_name(word, name):
    found = list(find_neoplasms(f"Diagnosis: {word}."))
    assert [m.neoplasm.name for m in found] == [name]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Adenocarcinoma, mucinous type", [("mucinous adenocarcinoma", 3)]),
        ("Renal cell carcinoma (clear cell type)", [("clear cell renal cell carcinoma", 3)]),
        ("carcinoma, ductal, invasive", [("ductal carcinoma", 3)]),
        ("NON-SMALL CELL LUNG CANCER", [("non-small cell carcinoma", 3)]),
        ("Non small-cell carcinoma", [("non-small cell carcinoma", 3)]),
        ("poorly differentiated squamous\ncell carcinoma", [("squamous cell carcinoma", 3)]),
        ("squamous\n\ncell carcinoma", [("carcinoma", 3)]),
        ("liver metastasis of renal cell carcinoma", [("renal cell carcinoma", 6)]),
        ("metastatic breast carcinoma", [("carcinoma", 6)]),
        ("melanoma, in situ", [("melanoma in situ", 2)]),
        ("papillary carcinoma in situ", [("papillary carcinoma", 2)]),
        ("non-invasive papillary urothelial carcinoma", [("urothelial carcinoma in situ", 2)]),
        ("DCIS with microinvasion", [("ductal carcinoma in situ", 3)]),
        ("malignant phyllodes tumour", [("malignant phyllodes tumor", 3)]),
        ("benign phyllodes tumour", [("phyllodes tumor", 0)]),
        ("serous borderline tumour", [("borderline ovarian tumor", 1)]),
        ("Wilms' tumour", [("nephroblastoma", 3)]),
        ("Waldenstr\u00f6m's macroglobulinaemia", [("waldenstrom macroglobulinemia", 3)]),
        ("acute myeloid leukaemia with maturation", [("acute myeloid leukemia", 3)]),
        ("GIST; the gist of it", [("gastrointestinal stromal tumor", 3)]),
        ("Left kidney: AML, 12 mm", []),
        ("AML with NPM1 mutation", [("acute myeloid leukemia", 3)]),
        ("anti-GBM disease", []),
        ("Glioblastoma on antiepileptic drugs", [("glioblastoma", 3)]),
        ("SCC of the vocal cord", [("squamous cell carcinoma", 3)]),
        ("Acute myeloid leukaemia with renal failure", [("acute myeloid leukemia", 3)]),
        ("Paget's disease of bone, alkaline phosphatase raised", []),
        ("Paget's disease of the nipple", [("paget disease", 3)]),
        ("benign gastrointestinal stromal tumour", [("gastrointestinal stromal tumor", 0)]),
        ("trichoblastocarcinoma", [("carcinoma", 3)]),
        ("phaeochromocytoma", [("pheochromocytoma", 3)]),
        ("carcinomas and sarcomas", [("carcinoma", 3), ("sarcoma", 3)]),
        ("tumour, mass, lesion, node", []),
    ],
)
def test_names_in_reports(text, found):
    assert [(m.neoplasm.name, int(m.behaviour.icd_o_digit)) for m in find_neoplasms(text)] == found


def test_a_kind_of_a_name_agrees_with_it_and_its_sisters_do_not():
    assert is_kind_of("mucinous adenocarcinoma", "adenocarcinoma")
    assert is_kind_of("mucinous adenocarcinoma", "carcinoma")
    assert not is_kind_of("non-small cell carcinoma", "small cell carcinoma")
    assert agree("carcinoma", "ductal carcinoma")
    assert not agree("lobular carcinoma", "ductal carcinoma")
    assert is_generic("carcinoma")
    assert not is_generic("adenocarcinoma")
    with pytest.raises(KeyError):
        neoplasm("a strange name")


def test_the_most_specific_name_of_an_answer_counts():
    assert neoplasm_of("carcinoma, probably dcis").neoplasm.name == "ductal carcinoma in situ"
    assert neoplasm_of("hepatocellular carcinoma").neoplasm.implied == "liver"
    assert neoplasm_of("left breast") is None


@given(
    st.text(st.sampled_from("nonsmall cell carcinoma, in situ-/'\n\u00dftumour 3(").map(str))
    | st.text()
)
def test_mentions_lie_in_the_text_in_order_and_apart(text):
    end = 0
    for mention in find_neoplasms(text):
        assert end <= mention.start < mention.end <= len(text)
        end = mention.end
        assert mention.said


def categories():
    for table, rows in icd10cm._categories().items():
        if table in {"version", "lymphoma-places"}:
            continue
        for site, parts in rows.items():
            for category, words in parts.items():
                yield pytest.param(table, site, category, words, id=f"{table}-{site}-{category}")


@pytest.mark.parametrize(("table", "site", "category", "words"), list(categories()))
def test_each_category_exists_and_its_words_lead_to_it(table, site, category, words, icd):
    assert icd.is_valid_item(category)
    assert site in {"any", "none", *(one.name for one in sites())}
    for word in words:
        assert icd10cm.category_of(table, site, [word]) == category
    for side in (None, "left", "right"):
        code = icd10cm.code_of(category, side, "female") or icd10cm.code_of(category, side, "male")
        assert code is not None
        assert code.code.startswith(category)
        assert icd.get_description(code.code) == code.display


@pytest.mark.parametrize(
    "category",
    sorted({one.unspecified or one.icd10cm for one in CODED if one.icd10cm[:2] in {"C9", "C8"}}),
)
def test_a_disease_whose_remission_is_not_told_has_the_code_that_includes_it(category):
    """ "NOS" is an inclusion term of "not having achieved remission" (FY 2025 and before)."""
    place = (
        icd10cm.lymphoma_site_character([])
        if category[:3] in {"C81", "C82", "C83", "C84", "C85"}
        else ""
    )
    code = icd10cm.code_of(category + place) or icd10cm.code_of(category)
    assert code is not None
    assert "in remission" not in code.display
    assert "relapse" not in code.display
