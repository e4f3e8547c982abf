"""Where the exports live in the repository."""

from pathlib import Path

SAFETENSORS = Path("model/weights")
GGUF_FILE = Path("oncofhir/demo/weights/oncofhir-small.gguf")
