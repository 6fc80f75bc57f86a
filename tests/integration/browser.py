"""Runs a script of ui/e2e in Node, which drives Chromium, and does what it asks for outside."""
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UI = os.path.join(ROOT, "ui")


def drive(script, arguments, answer):
    """Returns its exit code and what it said. `answer(what)` does a thing that it asks for, and gives
    what it is told then."""
    said = []
    with subprocess.Popen(["node", os.path.join("e2e", script), *map(str, arguments)], cwd=UI,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          bufsize=1) as node:
        for line in node.stdout:
            if line.startswith("do "):
                node.stdin.write(f"{answer(line[3:].strip())}\n")
                node.stdin.flush()
            else:
                said.append(line)
    return node.returncode, "".join(said)
