"""Stands in the annotating child's place: takes its arguments, and does what the lines of its input say."""

import json
import os
import signal
import sys
import time
from pathlib import Path

RECORDS = {"read": 10, "annotated": 7, "passed": {"too long": 1, "symbolic": 1}, "rejected": {"bad REF": 1}}


def main() -> None:
    arguments = sys.argv[sys.argv.index("--") + 1 :]
    assert arguments[0] == "annotate"
    assert arguments.pop(2).startswith("--input-name=")
    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    progress = int(options["--progress-fd"])
    for line in Path(arguments[1]).read_text().splitlines():
        command, *values = json.loads(line)
        match command:
            case "progress":
                os.write(progress, b"".join(json.dumps({"done": d, "total": t}).encode() + b"\n" for d, t in values))
            case "say":
                print(*values, file=sys.stderr, flush=True)
            case "exit":
                sys.exit(values[0])
            case "touch":
                Path(values[0]).touch()
            case "wait":
                while not Path(values[0]).exists():
                    time.sleep(0.01)
            case "hang":
                signal.pause()
            case "close":
                os.close(progress)
            case "kill":
                os.kill(os.getpid(), values[0])
            case "worker":
                # Lives on with the pipe open.
                worker = os.fork()
                if worker == 0:
                    signal.pause()
                Path(values[0]).write_text(str(worker))
            case "tell":
                told = {"environment": dict(os.environ), "arguments": sys.argv[1:], "folder": os.getcwd()}
                Path(values[0]).write_text(json.dumps(told))
            case "garble":
                os.write(progress, b"not json\n")
    for name in ("--output", "--parquet", "--log", "--summary"):
        Path(options[name]).write_text(f"{name} {time.time_ns()}\n")
    Path(options["--output"] + ".tbi").write_text("index\n")
    Path(options["--receipt"]).write_text(json.dumps({"records": RECORDS}))


main()
