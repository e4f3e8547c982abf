"""The words that name a malignancy."""

import re

MALIGNANCY = re.compile(
    r"\b(?:\w*carcinoma|cancer|melanoma|\w*sarcoma|lymphoma|leuk(?:a)?emia|myeloma|glioblastoma|astrocytoma|"
    r"oligodendroglioma|oligoastrocytoma|\w*glioma|pheochromocytoma|paraganglioma|thymoma|"
    r"germ cell tumou?r|ependymoma|\w*blastoma|mesothelioma|seminoma|malignan(?:t|cy)|\w*karzinom)\b",
    re.IGNORECASE,
)
