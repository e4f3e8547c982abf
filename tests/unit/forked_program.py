"""A program for `test_forked_process`: tells what it was given, leaves traces behind, and ends as its argument says."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

given = {
    "pid": os.getpid(),
    "arguments": sys.argv[1:],
    "folder": str(Path.cwd()),
    "variable": os.environ.get("OF_A_TEST"),
    "files": sorted(int(file.name) for file in Path("/proc/self/fd").iterdir() if file.exists()),
    "hears_ctrl_c": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    "hears_children": signal.getsignal(signal.SIGCHLD) is not signal.SIG_DFL,
    "threads": threading.active_count(),
    "traces": "of_another_program" in sys.modules,
}
sys.stdout.write(f"{json.dumps(given)}\n")
sys.stdout.flush()
sys.modules["of_another_program"] = sys
os.environ["OF_A_TEST"] = "changed"
match sys.argv[1]:
    case "copy":
        sys.stderr.write(sys.stdin.read())
        sys.exit(7)
    case "wait":
        time.sleep(600)
    case "fail":
        raise RuntimeError("it failed")
