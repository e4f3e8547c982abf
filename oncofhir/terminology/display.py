"""Diagnoses as a person calls them. The values keep their normal form, which rows and labels compare."""

import re

# The adjectives by which a cancer of these organs is called; of other organs the noun is ("breast cancer").
_ADJECTIVES = {
    "ampulla of Vater": "ampullary",
    "anus": "anal",
    "appendix": "appendiceal",
    "cervix": "cervical",
    "endometrium": "endometrial",
    "esophagus": "esophageal",
    "larynx": "laryngeal",
    "mediastinum": "mediastinal",
    "meninges": "meningeal",
    "ovary": "ovarian",
    "pancreas": "pancreatic",
    "parathyroid gland": "parathyroid",
    "penis": "penile",
    "peritoneum": "peritoneal",
    "pharynx": "pharyngeal",
    "pituitary gland": "pituitary",
    "pleura": "pleural",
    "rectum": "rectal",
    "retroperitoneum": "retroperitoneal",
    "scrotum": "scrotal",
    "spleen": "splenic",
    "testis": "testicular",
    "thymus": "thymic",
    "trachea": "tracheal",
    "ureter": "ureteral",
    "urethra": "urethral",
    "uterus": "uterine",
    "vagina": "vaginal",
    "vulva": "vulvar",
}
_CANCER_OF = re.compile(rf"({'|'.join(map(re.escape, _ADJECTIVES))}) cancer", re.IGNORECASE)
_BY_LOWER_CASE = {organ.lower(): adjective for organ, adjective in _ADJECTIVES.items()}


def diagnosis_display(value: str) -> str:
    """The name of a diagnosis: esophagus cancer → esophageal cancer. Other values stay as they are."""
    found = _CANCER_OF.fullmatch(value)
    return f"{_BY_LOWER_CASE[found[1].lower()]} cancer" if found else value
