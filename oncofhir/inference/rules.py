"""Transparent rules in the model's place: a baseline, and a fallback where a site has no GPU.

It answers the same questions with words of the report, chosen by place and pattern alone; its answers go
the same way as a model's. It gives no confidence.
"""

from oncofhir.inference.interpretation.attributes import labels_of
from oncofhir.inference.interpretation.candidates import SEPARATOR
from oncofhir.inference.lesions.read import ReadReport
from oncofhir.inference.lesions.summary import Summary
from oncofhir.inference.mentions import FINDERS, Mention
from oncofhir.schemas.extraction import Answer, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.identity import sha256_of
from oncofhir.schemas.report import Report
from oncofhir.terminology import TERMINOLOGY_VERSION

VERSION = "4"


class Rules:
    """Answers by rules."""

    @property
    def prompt_set(self) -> PromptSetIdentity:
        return PromptSetIdentity(
            name="rules", version=VERSION, sha256=sha256_of(f"rules {VERSION}")
        )

    async def identify(self) -> ModelIdentity:
        digest = sha256_of(f"rules {VERSION} {TERMINOLOGY_VERSION}")
        return ModelIdentity(name="oncofhir-rules", digest=digest, server="in-process")

    async def model_that_answered(self, _: Report) -> ModelIdentity:
        return await self.identify()

    async def answer(self, report: Report) -> tuple[Answer, ...]:
        found = ReadReport(report)
        labels = labels_of(found)
        by_lesion = [_of_lesion(found, label) for label in labels]
        answers = {question: _together(question, by_lesion) for question in by_lesion[0]}
        return tuple(
            Answer(question=question, text=text, finish_reason="rule")
            for question, text in answers.items()
            if text
        )

    async def aclose(self) -> None:
        """Nothing is held."""


def _together(question: str, by_lesion: list[dict[str, str]]) -> str:
    values = (given.get(question, "") for given in by_lesion)
    return SEPARATOR.join(dict.fromkeys(value for value in values if value))


def _of_lesion(found: ReadReport, label: str | None) -> dict[str, str]:
    """The answers about one lesion by question; empty where the report does not say."""
    stages = found.facts.best(Kind.CANCER_STAGE, label)
    receptors = found.facts.best(Kind.HORMONE_RECEPTOR, label)
    grade = found.facts.best(Kind.CANCER_GRADE, label).get(None)
    size = found.facts.best(Kind.TUMOR_SIZE, label).get(None)
    summary = found.summaries.of(label)
    given = {
        "cancer stage": " ".join(
            m.value if m.slot != "group" else f"stage {m.value}"
            for m in (fact.mention for fact in stages.values())
        ),
        "hormone receptor status": ". ".join(
            f"{f.mention.slot} {f.mention.value}" for f in receptors.values()
        ),
        "cancer grade": _words(found, grade.mention) if grade else "",
        "tumor size": _words(found, size.mention) if size else "",
    }
    return given | _of_summary(summary)


def _of_summary(summary: Summary | None) -> dict[str, str]:
    """What needs a malignancy: without one there is no tumour whose site it could be."""
    if summary is None:
        return dict.fromkeys(
            ("tumor laterality", "histological type", "tumor site", "diagnosis"), ""
        )
    return {
        "tumor laterality": summary.side or "",
        "histological type": summary.histology,
        "tumor site": summary.site.words if summary.site else "",
        "diagnosis": summary.diagnosis,
    }


def _words(found: ReadReport, mention: Mention) -> str:
    """The report's words; the normal form where a table says it, which has no words of its own."""
    words = " ".join(found.index.text[mention.start : mention.end].split())
    kinds = (Kind.TUMOR_SIZE,) if mention.number is not None else (Kind.CANCER_GRADE,)
    if any(m.value == mention.value for kind in kinds for m in FINDERS[kind](words)):
        return words
    return mention.value if mention.number is not None else f"grade {mention.value}"
