"""Invented HL7 v2 messages for tests."""

SENT = "20260110120000+0100"


def header(kind="ORU^R01^ORU_R01", control_id="M1", sent=SENT, charset="UNICODE UTF-8", **more):
    fields = dict.fromkeys(range(3, 19), "") | {
        3: "LAB^1.2.3.4^ISO", 4: "HOSP", 5: "ONCOFHIR", 6: "HOSP", 7: sent, 9: kind, 10: control_id,
        11: "P", 12: "2.5.1", 18: charset,
    } | {int(name.removeprefix("f")): value for name, value in more.items()}  # fmt: skip
    return "MSH|^~\\&|" + "|".join(fields.values()).rstrip("|")


PID = "PID|1||MRN-1^^^HOSP&1.2.826.0.1.1&ISO^MR||Canary^Carla^^^Mrs||19520101|F"


def obr(
    filler="F1", status="F", *, code="22637-3^Pathology report final diagnosis Narrative^LN", n=1
):
    return (
        f"OBR|{n}|P1^EHR|{filler}^LAB|{code}|||20260109|||||||||||||||20260110115900||SP|{status}"
    )


def obx(text, *, kind="TX", code="22637-3^Final diagnosis^LN", status="F", n=1, sub=""):
    return f"OBX|{n}|{kind}|{code}|{sub}|{text}||||||{status}"


def oru(*segments, pid=PID, **of_header):
    """An ORU^R01; without segments one with a report of one line."""
    body = segments or (
        obr(),
        obx("Invasive ductal carcinoma of the left breast, 2.4 cm, grade 2."),
    )
    return "\r".join([header(**of_header), *([pid] if pid else []), *body, ""])


def txa(number="D1", completion="LA", availability="AV", **more):
    fields = dict.fromkeys(range(1, 26), "") | {
        1: "1", 2: "11526-1^Pathology study^LN", 3: "TX", 4: "20260108", 6: "20260110110000",
        12: f"{number}^DOCS", 17: completion, 19: availability,
    } | {int(name.removeprefix("f")): value for name, value in more.items()}  # fmt: skip
    return "TXA|" + "|".join(fields.values()).rstrip("|")


def mdm(*segments, event="T02", **of_header):
    """An MDM; without segments one with a document of one line."""
    body = segments or (txa(), obx("Squamous cell carcinoma of the lung."))
    start = header(kind=f"MDM^{event}^MDM_{event}", **of_header)
    return "\r".join([start, f"EVN|{event}|20260110", PID, *body, ""])
