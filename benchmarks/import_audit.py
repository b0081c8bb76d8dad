"""Import and audit of HAM10000 as whole processes: seconds and peak memory.

    python benchmarks/import_audit.py

The aim is under three minutes for both together, on two cores.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import DATA, RESULTS, record

from cutis.files import write_json


def measured(*arguments: object) -> dict[str, float]:
    """Seconds of one command, and the largest resident size of any command so far."""
    program = Path(sys.executable).with_name("cutis")
    started = time.perf_counter()
    subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "peak_mib": round(peak_kib / 1024),
    }


def main() -> None:
    data = DATA / "ham10000"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        imported = measured("data", "import", "ham10000", data, "-o", work / "ham10000.csv")
        audited = measured("data", "audit", work / "ham10000.csv", "-o", work / "audit")
        findings = json.loads((work / "audit" / "audit.json").read_text())
    result = {
        **record("python benchmarks/import_audit.py"),
        "images": findings["images"],
        "import": imported,
        "audit": audited,
        "total_seconds": round(imported["seconds"] + audited["seconds"], 1),
        "findings": findings["findings"],
    }
    write_json(RESULTS / "import_audit.json", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
