"""The steps of a run on the cluster: what goes wrong in one is a fault, and the next ones follow nevertheless."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
from helm_python import HelmError
from kafka.errors import KafkaError

from tests.cluster.api import ApiError
from tests.cluster.releases import Fault


@dataclass
class Figures:
    """What a run counts."""

    published: int
    reports: int = 0
    lost: int = 0
    duplicates: int = 0
    policies_checked: int = 0
    disruptions: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Steps:
    """Reports each step, and keeps the names of those that went wrong."""

    figures: Figures
    report: Callable[[str], None]

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Run the block as a step."""
        try:
            yield
        except (
            *(Fault, ApiError, HelmError, KafkaError, httpx2.HTTPError),
            *(OSError, subprocess.CalledProcessError),  # TimeoutError is an OSError
        ) as error:
            self.report(f"FAULT  {name}: {type(error).__name__}: {error}")
            self.figures.faults.append(name)
        else:
            self.report(f"ok     {name}")
