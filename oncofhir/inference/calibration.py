"""From token probabilities to how often such an answer is right: curves fitted on labelled reports.

`oncofhir evaluate --fit-calibration FILE` writes the file. It holds for one model and one prompt set, named
by their digests; for others confidences stay as the model server gave them, and are marked as not calibrated.
"""

from bisect import bisect_right
from itertools import islice, pairwise
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from oncofhir.schemas.base import Value
from oncofhir.schemas.error_messages.validation import plain_messages
from oncofhir.schemas.extraction import ModelIdentity, PromptSetIdentity
from oncofhir.schemas.finding import Kind

Share = float


class Curve(Value):
    """Points of a curve that never falls, straight between them and level beyond both ends."""

    confidence: tuple[Share, ...] = Field(min_length=1)
    right: tuple[Share, ...]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.confidence) != len(self.right):
            raise ValueError("as many points on one axis as on the other are needed")
        if not all(0 <= value <= 1 for value in (*self.confidence, *self.right)):
            raise ValueError("confidences and shares are between 0 and 1")
        rises = all(a < b for a, b in pairwise(self.confidence))
        if not rises or not all(a <= b for a, b in pairwise(self.right)):
            raise ValueError("a calibration rises")
        return self

    def at(self, confidence: float) -> float:
        """The share right at a confidence."""
        after = bisect_right(self.confidence, confidence)
        if after in {0, len(self.confidence)}:
            return self.right[0 if after == 0 else -1]
        (x0, x1), (y0, y1) = (
            self.confidence[after - 1 : after + 1],
            self.right[after - 1 : after + 1],
        )
        return y0 + (y1 - y0) * (confidence - x0) / (x1 - x0)


class Calibration(Value):
    """A calibration file. Kinds with too few findings for a curve of their own take `overall`."""

    format: Literal[1] = 1
    model_digest: str
    prompt_set_sha256: str
    dataset_sha256: str
    seed: int
    findings: int
    overall: Curve
    kinds: dict[Kind, Curve] = {}

    def applies_to(self, model: ModelIdentity, prompt_set: PromptSetIdentity) -> bool:
        """Return whether it was fitted on this model's answers to these prompts."""
        return model.has_digest and (model.digest, prompt_set.sha256) == (
            self.model_digest,
            self.prompt_set_sha256,
        )

    def of(self, kind: Kind | None, confidence: float) -> float:
        """The calibrated confidence of an answer about a kind of finding."""
        curve = self.overall if kind is None else self.kinds.get(kind, self.overall)
        return curve.at(confidence)


def load_calibration(file: Path) -> Calibration:
    """Read a calibration file.

    Raises:
        ValueError: it cannot be read or is none; the message names the file and what is wrong.
    """
    try:
        return Calibration.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot read {file}: {error.strerror}") from error
    except ValidationError as error:
        said = "; ".join(islice(plain_messages(error), 3))
        raise ValueError(f"{file} is no calibration: {said}") from error
