"""What reading a report costs: structure, mentions, lesions and support, without a model.

    python -m benchmarks.reading [--rounds 5]

`reading_4k` is the CPU time of interpretation for a report of 4 KB over the 14 ms that it took before
reports were read
as lesions (measured on the same kind of machine; the figure is absolute, so compare it only there).
`reading_growth` is how much more a report costs for each character when it is 16 times as long, up to 1
MB: 1 is
linear.
"""

import argparse
import json
import time

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.report import Report

SECONDS_BEFORE = 0.014
MOST_TIMES = 2.0
MOST_GROWTH = 1.2
SHORT, LONG = 2**16, 2**20
ANSWERS = {
    "tumor size": "2.3 cm",
    "tumor site": "breast",
    "tumor laterality": "left",
    "histological type": "invasive ductal carcinoma",
    "cancer grade": "2",
    "cancer stage": "pT2 pN0",
    "hormone receptor status": "ER positive, PR negative, HER2 negative",
    "diagnosis": "breast cancer",
}
PAGE = """CLINICAL HISTORY: 58 year old woman with a palpable mass of the left breast. Family history:
mother had ovarian
cancer at 61. No previous biopsy.
GROSS DESCRIPTION: Received fresh is a lumpectomy specimen of 9.0 x 7.5 x 4.0 cm, oriented by sutures.
Sectioning shows a
firm, stellate mass of 2.1 x 1.8 x 1.5 cm, 0.9 cm from the deep margin. The remaining tissue is fatty and
unremarkable.
Representative sections are submitted in cassettes A1 to A12.
MICROSCOPIC DESCRIPTION: Sections show an infiltrating carcinoma in cords and nests with moderate nuclear
atypia and
few mitoses. Ductal carcinoma in situ, intermediate grade, is seen at the periphery. No lymphovascular
invasion.
FINAL DIAGNOSIS: Left breast, lumpectomy: Invasive ductal carcinoma, Nottingham grade 2 (3+2+1=6), 2.3 cm.
Margins negative; the closest is 4 mm. Two sentinel lymph nodes, negative (0/2). pT2 pN0.
ER positive (95%), PR negative (0%), HER2 negative (IHC 1+). Ki-67 12%.
COMMENT: The findings were discussed at the tumor board. Correlation with imaging is recommended.
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    page = seconds(report_of(4096), rounds)
    line("reading_4k", page / SECONDS_BEFORE, MOST_TIMES, milliseconds=round(page * 1000, 1))
    short, long = seconds(report_of(SHORT), rounds), seconds(report_of(LONG), 1)
    growth = long / short / (LONG / SHORT)
    line("reading_growth", growth, MOST_GROWTH, seconds_of_a_megabyte=round(long, 1))


def report_of(characters: int) -> Report:
    """A report of about so many characters: pages one behind the other, as a chart has them."""
    pages = PAGE * (characters // len(PAGE) + 1)
    return report_from_text(pages[:characters].encode(), "benchmark")


def seconds(report: Report, rounds: int) -> float:
    """The least CPU time of interpretation."""
    answers = tuple(Answer(question=q, text=t, finish_reason="stop") for q, t in ANSWERS.items())
    return min(_once(report, answers) for _ in range(rounds + 1))


def _once(report: Report, answers: tuple[Answer, ...]) -> float:
    began = time.process_time()
    interpret(report, answers)
    return time.process_time() - began


def line(name: str, ratio: float, goal: float, **figures: float) -> None:
    """Print one result."""
    told = {"name": name, "ratio": round(ratio, 2), "goal": goal, "met": ratio <= goal}
    print(json.dumps({**told, **figures}), flush=True)


if __name__ == "__main__":
    main()
