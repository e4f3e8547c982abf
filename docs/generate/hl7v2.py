"""`docs/reference/hl7v2.md`: how HL7 v2 messages become FHIR, and what is acknowledged."""

from docs.generate.markdown import head, table
from oncofhir.fhir.hl7v2.charset import CODECS
from oncofhir.fhir.hl7v2.message import MAX_DELIMITERS
from oncofhir.fhir.hl7v2.tables import tables
from oncofhir.ingest.mllp.acknowledgement import CONDITIONS, INTERNAL_ERROR

_GUIDE = "http://hl7.org/fhir/uv/v2mappings/STU1"
_COLUMNS = ("HL7 v2", "FHIR", "note")
# What the mapping modules do, field by field; the tests of tests/unit/fhir/hl7v2 show it.
_BOTH = (
    ("MSH-3, MSH-4", "part of the id", "The sender: application and facility."),
    ("MSH-7", "`meta.lastUpdated`", "Orders the versions of a report; left out if it is more than a day ahead. Its offset holds for times without one."),
    ("MSH-10", "`meta.versionId`, as a hash", "Required. The same message again changes nothing."),
    ("MSH-18", "", "Character set, checked against the bytes."),
    ("PID-3 (PID-2)", "`subject.identifier`", "The identifier of type MR, else PI, else the first. The Patient of the FHIR server that has it is the subject."),
    ("PID-8", "", "Gender of the Patient that `oncofhir extract` uses. Nothing else of PID is read."),
    ("PV1-19", "`encounter` / `context.encounter`", "Identifier."),
    ("OBX-5", "`presentedForm` / `content.attachment`", "See below."),
    ("Z-segments, others", "", "Ignored."),
)  # fmt: skip
_ORU = (
    ("OBR-3 (ORC-3), else OBR-2 (ORC-2)", "part of the id; `identifier` FILL, PLAC", "Groups of one number are one report."),
    ("OBR-4", "`code`", ""),
    ("OBR-7, OBR-8", "`effectiveDateTime`, `effectivePeriod`", ""),
    ("OBR-22, else MSH-7", "`issued`", ""),
    ("OBR-24", "`category`", "Table 0074; another code is text."),
    ("OBR-25", "`status`", "Required. Of several groups of one report those that are final count."),
    ("OBR-15, SPM-2, SPM-4, SPM-8", "`specimen` (contained)", "Identifier, type and body site."),
    ("ORC-28", "`meta.security`", "Table 0177."),
)  # fmt: skip
_MDM = (
    ("TXA-12", "part of the id; `masterIdentifier`", "Required."),
    ("TXA-2", "`type`", ""),
    ("TXA-4", "`context.period`", ""),
    ("TXA-6, else MSH-7", "`date`", ""),
    ("TXA-13", "`relatesTo`", "T06 appends to it, T10 replaces it."),
    ("TXA-17, TXA-19", "`docStatus`, `status`", "A final document of T04 and T08 is `amended`. T11: `entered-in-error`."),
    ("TXA-18", "`securityLabel`, `meta.security`", "Table 0272."),
    ("TXA-25", "`description`", ""),
)  # fmt: skip
_VALUES = (
    ("TX, FT, ST, none", "Text. Each repetition and each OBX is a line; consecutive OBX of one code are a paragraph."),
    ("CE, CWE, CNE, CF", "`name: text`"),
    ("NM, SN", "`name: value unit`, with OBX-8 in parentheses."),
    ("NTE", "Text, in its place between the OBX."),
    ("ED", "An attachment: Base64, Hex or A (text). Text next to it becomes contained Observations of a report; in a document, a text of under 300 characters next to it is a cover note and is left out."),
    ("RP", "An attachment with the URL; a pointer that is no http(s) URL is not followed."),
    ("any, with OBX-11 D, W, X, N, O or I", "Left out."),
)  # fmt: skip
_MODES = (
    ("none (original)", "AA", "AE", "AR"),
    ("MSH-15 wants it", "CA", "CE", "CR"),
    ("MSH-15 does not, MSH-16 does", "AA", "AE", "AR"),
    ("neither wants it", "no answer", "no answer", "no answer"),
)


def hl7v2_page() -> str:
    """The page."""
    codes = tables()
    conditions = [
        (f"{code} {text}", ", ".join(f"`{r}`" for r, c in CONDITIONS.items() if c == (code, text)))
        for code, text in sorted(set(CONDITIONS.values()))
    ]
    systems = [(name, f"`{uri}`") for name, uri in codes.coding_systems.items()]
    return "\n".join(
        [
            head(
                "HL7 v2: mapping and acknowledgements",
                "whoever connects a sender of HL7 v2",
                "oncofhir/fhir/hl7v2/mapping.toml, docs/generate/hl7v2.py",
            ),
            (
                f"The mapping follows HL7's guide *HL7 Version 2 to FHIR* ({_GUIDE}), as far as a report needs it. How to "
                "connect a sender: [Receive HL7 v2](../how-to/receive-hl7v2.md).\n"
            ),
            "## Messages\n",
            "ORU^R01 becomes DiagnosticReports, MDM^"
            + ", ".join(codes.document_events)
            + " a DocumentReference. Any other message is `unsupported-hl7v2-event`, and so is a part of a message that "
            f"was split (MSH-14, DSC). A message may have {MAX_DELIMITERS:,} delimiters.\n",
            "## Fields of every message\n",
            table(_COLUMNS, _BOTH),
            "## ORU^R01\n",
            table(_COLUMNS, _ORU),
            "## MDM\n",
            table(_COLUMNS, _MDM),
            "## Values\n",
            table(("OBX-2", "result"), _VALUES),
            (
                "Escape sequences are replaced (HL7 v2.5.1, 2.7). One that switches the character set (`\\C..\\`, `\\M..\\`) "
                "is `undecodable-text`.\n"
            ),
            "## Codes\n",
            table(
                ("OBR-25 (table 0123)", "DiagnosticReport.status"),
                _by_target(codes.result_status),
            ),
            table(
                ("TXA-17 (table 0271)", "DocumentReference.docStatus"),
                _by_target(codes.completion_status),
            ),
            table(
                ("TXA-19 (table 0273)", "DocumentReference.status"),
                _by_target(codes.availability_status),
            ),
            (
                "A document that is unavailable (UN) gets docStatus `preliminary`, so that it is not read. Any other code, "
                "and OBR-25 Y and Z, is `status-unknown`.\n"
            ),
            table(
                ("coding system (table 0396)", "URI"),
                [*systems, ("HL7nnnn", "table nnnn of HL7 v2")],
            ),
            (
                "Another coding system, and a namespace, is named by its OID or by `ONCOFHIR_HL7V2__SYSTEMS`; else the code "
                "has no system.\n"
            ),
            "## Character sets (MSH-18, table 0211)\n",
            ", ".join(f"`{name}`" for name in CODECS)
            + ". Of several the first counts. Bytes that are not of the declared set are `undecodable-text`.\n",
            "## Acknowledgements of MLLP\n",
            table(("mode", "the broker has it", "send it again", "refused"), _MODES),
            (
                "AE and CE: the broker does not take it, or an internal error (table 0357: "
                f"{' '.join(INTERNAL_ERROR)}). AR and CR: the message itself; ERR has segment, field and code, MSA-3 the "
                "reason.\n"
            ),
            table(("ERR-3 (table 0357)", "reasons"), conditions),
        ]
    )


def _by_target(codes: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (", ".join(code for code, to in codes.items() if to == target), f"`{target}`")
        for target in dict.fromkeys(codes.values())
    ]
