"""What the scanner may embed in the archive, other parsers must be able to read.

The lines and the scanner's verdicts stand in tests/data/json-cases.tsv; the unit test of the scanner
proves the verdicts, this one asks Python's json and jq about the same lines.
"""

import json
import math
import os
import re
import shutil
import subprocess
import unittest

CASES = os.path.join(os.path.dirname(__file__), "..", "data", "json-cases.tsv")


def unescape(text):
    return re.sub(rb"\\(\\|x[0-9a-f]{2})",
                  lambda m: b"\\" if m[1] == b"\\" else bytes([int(m[1][1:], 16)]), text)


def load_cases():
    with open(CASES, "rb") as file:
        rows = [row.rstrip(b"\n").split(b"\t") for row in file if not row.startswith(b"#")]
    return [(fault.decode(), unescape(line)) for fault, _, line in rows]


def finite(text):
    if not math.isfinite(float(text)):
        raise ValueError("not finite")
    return float(text)


def refuse_constant(name):
    raise ValueError(name + " is no JSON")


def strict_json(line):
    """json.loads as RFC 8259 has it: no NaN, numbers finite, surrogates paired."""
    value = json.loads(line.decode(), parse_constant=refuse_constant, parse_float=finite,
                       parse_int=finite)
    json.dumps(value, ensure_ascii=False).encode()  # an unpaired surrogate does not encode
    return value


class JsonCases(unittest.TestCase):
    def test_python_agrees_with_the_scanner(self):
        for fault, line in load_cases():
            if fault == "raw carriage return" and b'"' not in line:
                continue  # white space by the standard; the archive does without
            if line == b"[\n]" or b"e9999999999999999999999" in line:
                continue  # stricter than need be, see scan.h and number.h
            with self.subTest(line=line, fault=fault):
                if fault == "none":
                    strict_json(line)
                else:
                    self.assertRaises(ValueError, strict_json, line)

    @unittest.skipUnless(shutil.which("jq"), "jq is not installed")
    def test_jq_reads_what_may_be_embedded(self):
        lines = [line for fault, line in load_cases() if fault == "none"]
        text = b"".join(b'{"msg":' + line + b"}\n" for line in lines)
        run = subprocess.run(["jq", "-c", ".msg|type"], input=text, capture_output=True,
                             check=False)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        self.assertEqual(len(run.stdout.splitlines()), len(lines))


if __name__ == "__main__":
    unittest.main()
