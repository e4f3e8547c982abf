"""A side is the tumour's, or that of a metastasis, a symptom, a shift, or of what is benign."""

import asyncio

import pytest

from oncofhir.inference.extractor import Extractor
from oncofhir.inference.rules import Rules
from oncofhir.schemas.finding import Kind


def values(read, text, kind):
    findings = asyncio.run(Extractor(Rules()).extract(read(text))).findings
    return [f.value for f in findings if f.kind is kind]


@pytest.mark.parametrize(
    ("text", "side"),
    [
        # a lobe's abbreviation, a form
        ("RLL lung mass: small cell carcinoma, brain met left cerebellum.", "right"),
        ("LUL lobectomy: squamous cell carcinoma.", "left"),
        ("RUL mass: adenocarcinoma of lung, metastatic to left adrenal.", "right"),
        ("Left breast carcinoma. Chest CT: RLL nodule 4 mm.", "left"),
        ("Breast carcinoma. Chest CT: RLL nodule 4 mm.", None),
        ("Organ: kidney. Side: R. Type: papillary renal cell carcinoma type 1.", "right"),
        ("Organ: kidney. Laterality: L. Type: papillary renal cell carcinoma.", "left"),
        ("Breast carcinoma. Side: L/R not stated.", None),
        ("R breast: invasive ductal carcinoma.", "right"),
        ("(R) kidney: renal cell carcinoma.", "right"),
        ("Kidney (L), nephrectomy: renal cell carcinoma.", "left"),
        ("Breast carcinoma, cassette (L).", None),
        ("RT plan: left breast. Boost right upper inner. Diagnosis: DCIS.", "left"),
        # of a metastasis
        ("Left lung adenocarcinoma with right adrenal metastasis.", "left"),
        ("Lung adenocarcinoma, right; mets: left femur, liver.", "right"),
        ("Renal cell carcinoma. Left adrenal metastasis.", None),
        ("Brain metastases, left breast cancer.", "left"),
        ("Metastatic adenocarcinoma to right lung.", "right"),
        ("LEFT AXILLARY NODE: metastatic melanoma. RIGHT AXILLARY NODE: negative.", "left"),
        (
            (
                "LEFT AXILLARY NODE: metastatic melanoma. RIGHT AXILLARY NODE: negative. "
                "SKIN, BACK: scar, no residual melanoma."
            ),
            "left",
        ),
        # of what is benign or healthy
        ("Skin, nose tip: basal cell carcinoma. Skin, left temple: actinic keratosis.", None),
        ("Skin, left arm: seborrheic keratosis. Skin, nose: squamous cell carcinoma.", None),
        ("Skin, left arm:\nsquamous cell carcinoma in situ.", "left"),
        ("Kidney: renal cell carcinoma. Right kidney: normal.", None),
        ("Kidney: renal cell carcinoma. The left kidney is unremarkable.", None),
        ("Ovary: serous carcinoma. Left ovary: simple cyst.", None),
        ("Ovary: serous carcinoma, in a cyst of the left ovary.", "left"),
        ("Breast: DCIS. Fibroadenoma of the right breast.", None),
        ("Breast: DCIS. No mass in the right breast.", None),
        ("Left breast: benign skin. Invasive ductal carcinoma, grade 2.", "left"),
        ("Left breast, excision: margins negative. Invasive lobular carcinoma.", "left"),
        (
            "Left mammary ablation with fibrocystic mastopathy and ductal hyperplasia. Ductal carcinoma.",
            "left",
        ),
        ("Breast: ductal carcinoma. Left breast: fibrocystic changes.", None),
        ("Left testis: seminoma, no lymphovascular invasion.", "left"),
        ("Left breast mass. Core biopsy: invasive ductal carcinoma.", "left"),
        # of a shift, of spread, of a symptom
        ("Lung cancer. Midline shift 7 mm.", None),
        ("Glioma, 5.1 x 4.4 cm, with 7 mm midline shift.", None),
        ("Midline glioma of the pons.", "midline"),
        ("Glioma crossing the midline.", None),
        ("33mm R BOT mass extending across midline to left. SCC base of tongue.", "right"),
        ("Base of tongue carcinoma, left, extends to midline.", "left"),
        ("Renal cell carcinoma extending into the left renal vein.", None),
        ("Glioblastoma, right-handed man.", None),
        ("Glioblastoma. Presented with left hemiparesis.", None),
        ("Right frontal glioblastoma with left arm weakness.", "right"),
        ("Melanoma of the left leg.", "left"),
        ("Melanoma, skin from right hand.", "right"),
        ("Glioblastoma in a left hand dominant man.", None),
    ],
)
def test_the_side_of_a_tumor(read, text, side):
    assert values(read, text, Kind.TUMOR_LATERALITY) == ([] if side is None else [side])


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("Left breast UOQ known malignancy. Additional suspicious 8 mm focus right breast.", None),
        ("Left breast carcinoma. Right breast: indeterminate mass 8 mm.", None),
        ("Left breast carcinoma. MRI: left breast mass 8 mm.", "8 mm"),
        ("Left breast carcinoma. Ultrasound: mass 8 mm.", "8 mm"),
        ("Left breast carcinoma, 8 mm. Right breast carcinoma, 5 mm.", "8 mm"),
    ],
)
def test_a_size_on_the_other_side_is_not_the_tumor_s(read, text, size):
    found = values(read, text, Kind.TUMOR_SIZE)
    assert found[:1] == ([] if size is None else [size])
