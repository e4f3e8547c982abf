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


@pytest.mark.parametrize(
    ("text", "tumor"),
    [
        (
            "Cervix: squamous cell carcinoma.\n- Tumor size: 2.4 cm, depth of stromal invasion 9 mm.",
            "24 mm",
        ),
        ("Cervix: squamous cell carcinoma, 2.4 cm, depth of stromal invasion 9 mm.", "24 mm"),
        ("Cervix: squamous cell carcinoma, 2.4 cm, depth of invasion 9 mm.", "24 mm"),
        ("Cervix: squamous cell carcinoma, 2.4 cm, depth of invasion: 9 mm.", "24 mm"),
        (
            "Cervix: squamous cell carcinoma, 2.4 cm, depth of cervical stromal invasion is 9 mm (of 15 mm).",
            "24 mm",
        ),
        (
            "Squamous cell carcinoma of the cervix measuring 2.4 cm with stromal invasion of 9 mm.",
            "24 mm",
        ),
        (
            "Squamous cell carcinoma, 2.4 cm, invading the cervical stroma to a depth of 9 mm.",
            "24 mm",
        ),
        (
            "Squamous cell carcinoma, 2.4 cm, stromal invasion 9 mm, horizontal extent not stated.",
            "24 mm",
        ),
        ("Squamous cell carcinoma, 2.4 cm; stromal invasion: 9 mm of 15 mm.", "24 mm"),
        ("Tumour size 2.4 cm. Invades 9 mm into the stroma.", "24 mm"),
        ("Carcinoma, tumour size 2.4 cm, with 9 mm deep stromal invasion.", "24 mm"),
        ("Carcinoma, tumour size 2.4 cm, with 9 mm of stromal invasion.", "24 mm"),
        ("Tumour size 2.4 cm with 9 mm stromal invasion.", "24 mm"),
        ("Endometrioid adenocarcinoma, 3.8 cm, myometrial invasion 8 mm of 20 mm.", "38 mm"),
        ("Endometrioid adenocarcinoma, 3.8 cm, depth of myometrial invasion 8 mm.", "38 mm"),
        (
            "Endometrioid adenocarcinoma, 3.8 cm, maximum depth of myometrial invasion 8 mm in a 20 mm thick myometrium.",
            "38 mm",
        ),
        ("Endometrioid adenocarcinoma, 3.8 cm, infiltrating the myometrium to 8 mm.", "38 mm"),
        ("Endometrioid adenocarcinoma, 3.8 cm, which invades 8 mm into the myometrium.", "38 mm"),
        ("Endometrioid adenocarcinoma, 3.8 cm, with invasion of the myometrium of 8 mm.", "38 mm"),
        ("Squamous cell carcinoma of the tongue, 21 mm, DOI 7 mm.", "21 mm"),
        ("Squamous cell carcinoma of the tongue, 21 mm, depth of invasion (DOI) 7 mm.", "21 mm"),
        (
            "Squamous cell carcinoma of the tongue, greatest dimension 21 mm, depth of invasion = 7 mm.",
            "21 mm",
        ),
        ("Squamous cell carcinoma of the tongue, 21 mm, tumour thickness 7 mm.", "21 mm"),
        ("Squamous cell carcinoma of the tongue, 21 mm, thickness of the tumour 7 mm.", "21 mm"),
        ("Adenocarcinoma of the sigmoid, 15 mm, depth of submucosal invasion 1200 µm.", "15 mm"),
        ("Melanoma, 12 mm, Breslow thickness 1.8 mm.", "12 mm"),
        ("Melanoma, 12 mm, Breslow depth of invasion 1.8 mm.", "12 mm"),
        ("Melanoma of the left arm, 12 mm, invading the dermis to 1.8 mm.", "12 mm"),
        ("Invasive ductal carcinoma, 23 mm, lymphovascular invasion present.", "23 mm"),
        ("Invasive ductal carcinoma with lymphovascular invasion, 23 mm.", "23 mm"),
        ("Adenocarcinoma with perineural invasion, 23 mm.", "23 mm"),
        ("Adenocarcinoma, 23 mm, perineural invasion: present.", "23 mm"),
        ("Adenocarcinoma with perineural invasion measuring 23 mm.", "23 mm"),
        ("Renal cell carcinoma, 5.5 cm, with capsular invasion.", "55 mm"),
        ("Renal cell carcinoma 5.5 cm extending into perirenal fat.", "55 mm"),
        ("Renal cell carcinoma, 5.5 cm, extends 4 mm into the perinephric fat.", "55 mm"),
        ("Follicular carcinoma, 5.5 cm, with invasion through the capsule.", "55 mm"),
        (
            "Adenocarcinoma of the rectum, 4.5 cm, extending 3 mm beyond the muscularis propria.",
            "45 mm",
        ),
        ("Adenocarcinoma of the rectum, 45 mm, extramural depth of invasion 6 mm.", "45 mm"),
        ("Adenocarcinoma of the rectum, 45 mm, depth of extramural spread 6 mm.", "45 mm"),
        (
            "Adenocarcinoma of the rectum, 45 mm, depth of invasion beyond the muscularis propria: 6 mm.",
            "45 mm",
        ),
        ("Depth of stromal invasion: 9 mm.", None),
        ("Squamous cell carcinoma of the cervix. Stromal invasion: 9 mm.", None),
        ("Squamous cell carcinoma of the cervix, stromal invasion 9 mm.", None),
        ("Squamous cell carcinoma of the cervix, invades 9 mm into the stroma.", None),
        ("Squamous cell carcinoma of the cervix with a depth of invasion of 9 mm.", None),
        ("Squamous cell carcinoma, 4 mm thick.", None),
        ("Squamous cell carcinoma, 4 mm in depth.", None),
        ("Squamous cell carcinoma, 4 mm deep.", None),
        ("Invasive ductal carcinoma, 23 mm, with lympho-vascular invasion.", "23 mm"),
        ("Invasive ductal carcinoma with lymphatic invasion, 23 mm.", "23 mm"),
        ("Metastatic carcinoma in a lymph node, 9 mm.", None),
        ("Breslow's thickness 1.8 mm.", None),
        ("Urothelial carcinoma, 3.1 cm, invading the muscularis propria.", "31 mm"),
        ("Urothelial carcinoma, 3.1 cm, invades into muscle.", "31 mm"),
        ("Melanoma, 1.8 mm Breslow's thickness.", None),
        ("Melanoma, 1.8 mm Breslow.", None),
        ("Melanoma, Breslow 1.8 mm.", None),
    ],
)
def test_a_depth_of_invasion_beside_a_size_is_no_size_and_takes_none(text, tumor):
    found = [size.value for size in sizes(text) if tumour_size_weight(text, size) > 0]
    assert found == ([] if tumor is None else [tumor])


@pytest.mark.parametrize(
    ("text", "tumor"),
    [
        # where a thing is
        ("Sigmoid colon adenocarcinoma, tumor at 25 cm.", None),
        ("Rectum: adenocarcinoma at 8 cm, mass.", None),
        ("Rectum: adenocarcinoma, lesion at 8-10 cm.", None),
        ("Adenocarcinoma of the rectum at approximately 12 cm. Tumor 3.1 cm.", "31 mm"),
        ("Circumferential mass @ 20 cm: adenocarcinoma.", None),
        ("Adenocarcinoma extending from 15 to 22 cm.", None),
        ("Rectal adenocarcinoma 6 cm FAV.", None),
        ("Rectal adenocarcinoma, 6 cm ab ano.", None),
        ("Right breast, 11:00, 4 cm FN: invasive ductal carcinoma.", None),
        ("Breast carcinoma, right, 2:00, 6 cm FN.", None),
        ("Right breast 11:00 4cm FN: invasive ductal carcinoma, 1.2 cm.", "12 mm"),
        ("Left breast, 2:30, 5 cm: invasive ductal carcinoma.", None),
        ("Left breast, 2:30, 1.2 cm mass: invasive ductal carcinoma.", "12 mm"),
        ("Left breast, invasive ductal carcinoma at 2:30, 1.2 cm.", "12 mm"),
        ("Breast carcinoma, mass measuring at 2.3 cm.", "23 mm"),
        ("Breast carcinoma, the largest focus at 1.4 cm.", "14 mm"),
        ("Breast carcinoma, at 2.3 cm in greatest dimension.", "23 mm"),
        ("Lung adenocarcinoma, increased from 1.2 to 2.3 cm.", "23 mm"),
        # a shift
        ("Lung cancer. Midline shift 7 mm.", None),
        ("Glioblastoma: 5.1 x 4.4 cm mass with 7 mm midline shift.", "51 mm"),
        ("Glioblastoma with 8 mm of midline shift.", None),
        ("Glioblastoma, 4.2 cm, midline shift 8 mm.", "42 mm"),
        ("Glioblastoma, 4.2 cm, with mass effect, MLS 8 mm.", "42 mm"),
        ("Glioblastoma. 8 mm left-to-right midline shift.", None),
        ("Glioblastoma crossing the midline, 4.2 cm.", "42 mm"),
        # what is benign
        ("Papillary carcinoma. Left lobe: nodule 1.8 cm, benign.", None),
        ("Papillary carcinoma. Left lobe: 1.8 cm nodule. Benign.", None),
        ("Papillary carcinoma. Left lobe nodule 1.8 cm: follicular adenoma.", None),
        ("Papillary carcinoma, 1.8 cm, in benign goitre.", "18 mm"),
        ("Papillary carcinoma, 1.8 cm nodule, benign parathyroid tissue.", "18 mm"),
        ("Hepatocellular carcinoma. Focal nodular hyperplasia 3.3 cm.", None),
        ("Hepatocellular carcinoma. Dysplastic nodule 1.2 cm.", None),
        ("Hepatocellular carcinoma, nodule 1.2 cm.", "12 mm"),
        ("Renal cell carcinoma, 2.2 cm. Oncocytoma 4.1 cm.", "22 mm"),
        ("Breast carcinoma. Papilloma 9 mm.", None),
        ("Adenocarcinoma with nodular hyperplasia. Tumor 12 mm.", "12 mm"),
        # of a core, and what was received
        ("Prostate: adenocarcinoma, tumor length 9 mm of 14 mm core.", None),
        ("Labeled lung mass and consists of a 0.9 x 0.5 cm. aggragate of tissue.", None),
        ("The specimen consists of a 2.4 cm tumor.", "24 mm"),
        ("Carcinoma. Left base of tongue: a 2.0 x 0.3 cm. aggregate of pink-tan tissue.", None),
        ("Carcinoma, 2.0 x 0.3 cm, an aggregate of small cells.", "20 mm"),
        ("Cervix carcinoma. Uterus 9 cm long. Left ovary 3 cm.", None),
        ("Left ovary 3 cm: serous carcinoma.", "30 mm"),
        ("Adenocarcinoma. Ovary measures 9.5 cm in maximum dimension.", None),
        ("Left ovary, 3 cm mass: serous carcinoma.", "30 mm"),
        # inches
        ("Breast invasive mucinous carcinoma, 0.9 inch.", "22.86 mm"),
        ("Breast carcinoma, 2 x 1 inches.", "50.8 mm"),
        ("Breast carcinoma. A 3 inch incision was made.", None),
        ("Breast carcinoma; a 1.5-inch needle.", None),
    ],
)
def test_a_place_a_shift_and_what_is_benign_have_no_size_of_the_tumor(text, tumor):
    found = [size.value for size in sizes(text) if tumour_size_weight(text, size) > 0]
    assert found == ([] if tumor is None else [tumor])


def test_an_organ_that_the_tumor_replaces_may_have_its_size():
    text = (
        "Ovary measures 9.5 cm in maximum dimension and is. nearly totally replaced by carcinoma."
    )
    assert tumour_size_weight(text, next(iter(sizes(text)))) >= 0
