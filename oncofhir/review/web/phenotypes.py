"""The phenotypes that a reviewer can add, with their components, in the words of the page."""

from oncofhir.schemas.finding import Kind

# The components are those of `Finding.slot`.
CHOICES: tuple[tuple[str, str], ...] = (
    (Kind.DIAGNOSIS.value, "Diagnosis"),
    (Kind.HISTOLOGICAL_TYPE.value, "Histological type"),
    (Kind.TUMOR_SITE.value, "Tumor site"),
    (Kind.TUMOR_LATERALITY.value, "Tumor laterality"),
    (Kind.TUMOR_SIZE.value, "Tumor size"),
    (Kind.CANCER_GRADE.value, "Cancer grade"),
    (f"{Kind.CANCER_STAGE.value}/group", "Cancer stage: stage group"),
    (f"{Kind.CANCER_STAGE.value}/t", "Cancer stage: T"),
    (f"{Kind.CANCER_STAGE.value}/n", "Cancer stage: N"),
    (f"{Kind.CANCER_STAGE.value}/m", "Cancer stage: M"),
    (f"{Kind.HORMONE_RECEPTOR.value}/ER", "Hormone receptor: ER"),
    (f"{Kind.HORMONE_RECEPTOR.value}/PR", "Hormone receptor: PR"),
    (f"{Kind.HORMONE_RECEPTOR.value}/HER2", "Hormone receptor: HER2"),
)

_LABELS = dict(CHOICES)


def label(kind: Kind, slot: str | None = None) -> str:
    """A phenotype and its component in words: Cancer stage: T."""
    key = f"{kind.value}/{slot}" if slot else kind.value
    name = kind.value.replace("-", " ").capitalize()
    return _LABELS.get(key) or (f"{name}: {slot}" if slot else name)


EXAMPLES = {
    Kind.DIAGNOSIS: "Invasive ductal carcinoma",
    Kind.HISTOLOGICAL_TYPE: "ductal carcinoma",
    Kind.TUMOR_SITE: "breast",
    Kind.TUMOR_LATERALITY: "left",
    Kind.TUMOR_SIZE: "2.1 x 1.8 cm",
    Kind.CANCER_GRADE: "Grade 2",
    Kind.CANCER_STAGE: "pT2",
    Kind.HORMONE_RECEPTOR: "positive",
}
"""What a reviewer may type as a value."""
