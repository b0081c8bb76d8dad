"""8-bit networks run fast where the processor can, and right where it cannot."""

import os
import subprocess
import sys

import pytest

from cutis.inference.session import has_vnni


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ("processor : 0\nflags : fpu avx512f avx512_vnni\nbugs :\n", True),
        ("processor : 0\nflags : fpu avx2 avx_vnni\n", True),
        ("processor : 0\nflags : fpu avx2 avx512f\n", False),
        ("Features : fp asimd\n", False),
        (None, False),
    ],
)
def test_a_processor_without_vnni_or_unknown_is_given_wider_sums(tmp_path, content, answer):
    cpuinfo = tmp_path / "cpuinfo"
    if content is not None:
        cpuinfo.write_text(content)
    assert has_vnni(cpuinfo) is answer


def test_nothing_is_reported_to_anybody(tmp_path):
    suppressing = ("ORT_DISABLE_TELEMETRY", "CI", "XDG_CACHE_HOME")  # ONNX Runtime is silent in CI
    kept = {name: value for name, value in os.environ.items() if name not in suppressing}
    asked = [sys.executable, "-c", "import cutis.inference.predictor"]
    subprocess.run(asked, env={**kept, "HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []  # where it keeps an identifier and what it will send
