"""What the validator's messages come to: the kinds that are known, and why they stand."""

from tests.validator.hapi import Message

UNCHECKED = "unchecked"
_BY_TEXT = (
    ("CodeSystem is unknown and can't be validated", UNCHECKED),
    ('because "this.codeSystem" is null', UNCHECKED),
    ("Unable to expand ValueSet", UNCHECKED),
    (
        "valueset/condition-category",
        "the category health-concern is US Core's, which R4's own list has not (required by US Core)",
    ),
    (
        "valueset/identifier-type",
        "mcode-tumor fixes BodyStructure as the type of its identifier",
    ),
    (
        "valueset/provenance-activity-type",
        "transform of ISO 21089 is the AI Transparency IG's own example of an activity (extensible)",
    ),
    (
        "us-core-laboratory-test-codes",
        ("mCODE fixes a code of NCI Thesaurus where US Core's laboratory test would have LOINC: "
        "mcode-histologic-grade (extensible binding, by mCODE's design)"),
    ),
    (
        "mcode-histologic-behavior-and-type-vs",
        ("a histologic type outside ICD-O-3: the report prints no ICD-O-3 code, "
        "so SNOMED CT or text stands (extensible binding)"),
    ),
    (
        "value set 'Cancer Stage Value Set'",
        "FIGO's values are of mcode-figo-stage-value-vs, which that set leaves out (preferred binding)",
    ),
    (
        "No code provided, and a code should be provided",
        "a value with text only: no code is known for it, or nobody names the system that has it",
    ),
    (
        "Best Practice Recommendation: In general, all observations should have a performer",
        "no performer: a Device may not be one in R4, and no human observed it",
    ),
    ("dom-6", "no narrative: each finding quotes its sentence in a note instead"),
    (
        "security-labels",
        "AIAST is not in R4's own list of security labels, which is older than the label (extensible)",
    ),
    ("derivation-reference", "derivation-reference is of HL7's extension pack, not in the packages"),
    (
        "valueset/c80-doc-typecodes",
        "prompt set and model card are of the AI Transparency IG's own types (preferred binding)",
    ),
    ("does not match any known slice", "beside the slices of the profile, as it is meant"),
)  # fmt: skip


def explanation(message: Message) -> str:
    """Why it stands, or the validator's own words for a kind that nobody has looked at yet."""
    for part, reason in _BY_TEXT:
        if part.lower() in message.text.lower():
            return reason
    return f"{message.kind}: {message.text[:160]}"
