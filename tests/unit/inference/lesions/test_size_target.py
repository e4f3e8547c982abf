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
