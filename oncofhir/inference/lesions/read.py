"""Everything that is read of one report, each thing once."""

from functools import cached_property

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.lesions.facts import Facts
from oncofhir.inference.lesions.lesion_set import LesionSet
from oncofhir.inference.lesions.summary import Summaries
from oncofhir.schemas.report import Report


class ReadReport:
    """A report's index, lesions, their attributes and summaries."""

    def __init__(self, report: Report) -> None:
        self.index = ReportIndex(report)

    @cached_property
    def lesions(self) -> LesionSet:
        return LesionSet(self.index)

    @cached_property
    def facts(self) -> Facts:
        return Facts(self.lesions)

    @cached_property
    def summaries(self) -> Summaries:
        return Summaries(self.lesions, self.facts)
