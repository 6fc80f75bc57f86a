#!/usr/bin/env python3
"""Holds the sources to the rules of the house; prints every breach and exits 1 if there is one.

- A floor includes only floors below it; neighbours and programs do not include each other; a header
  called *_private.h stays in its directory (tests may look).
- Includes of our own files are written from the root, and lib/base and lib/stratum are pure.
- A file has at most 500 lines, a function at most 60, a C file opens with a comment on what it is.
- Nothing names a path of somebody's machine or the host of a package registry, and nothing says that
  it is unfinished.

Usage: scripts/check-floors.py [ROOT]
"""
import ast
import os
import re
import sys

FILE_LINES = 500
FUNCTION_LINES = 60

# Room -> rooms it may include besides itself.
LIBRARY = ["lib/base", "lib/event", "lib/stratum", "lib/record", "lib/ring", "lib/segment",
           "lib/archive", "lib/upkeep", "lib/query", "lib/nostr", "lib/command", "lib/export"]
RECORDED = ["lib/base", "lib/stratum", "lib/record", "lib/ring", "lib/segment"]
FLOORS = {
    "lib/base": [],
    "lib/event": ["lib/base"],
    "lib/stratum": ["lib/base"],
    "lib/record": ["lib/base", "lib/stratum"],
    "lib/ring": ["lib/base", "lib/record"],
    "lib/segment": ["lib/base", "lib/stratum", "lib/record"],
    "lib/archive": RECORDED,
    "lib/upkeep": ["lib/base", "lib/segment"],
    "lib/query": RECORDED,
    "lib/nostr": ["lib/base"],
    "lib/command": RECORDED + ["lib/query"],
    "lib/export": RECORDED + ["lib/query"],
    "recorder": LIBRARY,
    "replay": LIBRARY,
    "exporter": LIBRARY,
    "api": LIBRARY,
    "agent": LIBRARY,
    "samples/sim": LIBRARY,
    "cli": LIBRARY + ["samples/sim"],
    "samples/write": LIBRARY + ["samples/sim"],
    "scripts": ["lib/base"],
}
PURE = {"lib/base": {"uv.h"}, "lib/stratum": {"uv.h", "sys/socket.h", "unistd.h", "fcntl.h"}}

SKIPPED = {".git", "build", "data", "node_modules", "coverage", "__pycache__", "dist"}
UNREAD = re.compile(r"^(tests/(golden|fuzz/corpus)/|samples/captures/)")
COUNTED = re.compile(r"\.(c|h|py|sh|ts|tsx)$|^Makefile$")
GENERATED = re.compile(r"(^|/)generated/|\.d\.ts$")

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
FORBIDDEN = [
    (re.compile(r"/(work|farm|home|root)/[a-z.]"), "a path of one machine"),
    (re.compile(r"\.\./+shared\b"), "a path outside the project"),
    (re.compile(r"https?://[^/\s\"'<>]*(registry|npm|pypi|crates|mirror|deb\.)[^/\s]*", re.I),
     "a package-registry host"),
    (re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b"), "a mark of unfinished work"),
]


def project_files():
    for directory, names, files in os.walk("."):
        names[:] = sorted(n for n in names if n not in SKIPPED)
        for name in sorted(n for n in files if n not in SKIPPED):  # .git of a worktree is one
            path = os.path.join(directory, name)[2:]
            if not UNREAD.match(path):
                yield path


def read_text(path):
    """None for what is no text."""
    with open(path, "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def room_of(path):
    return next((r for r in FLOORS if path.startswith(r + "/")), path.split("/")[0])


def check_own_include(path, name):
    room, target = room_of(path), room_of(name)
    if not os.path.exists(name):
        yield f'"{name}" is not a file seen from the root'
    elif name.endswith("_private.h") and os.path.dirname(name) != os.path.dirname(path) \
            and room != "tests":
        yield f"{name} is private to {os.path.dirname(name)}"
    elif room in FLOORS and target != room and target not in FLOORS[room]:
        yield f"{room} must not include {name}"


def check_includes(path, text):
    for bracket, name in INCLUDE.findall(text):
        if bracket == '"':
            yield from check_own_include(path, name)
        elif name in PURE.get(room_of(path), ()):
            yield f"{room_of(path)} must not include <{name}>"


def check_c_functions(text):
    """Bodies between braces in the first column, which is how the formatter writes them."""
    start, head = None, ""
    for number, line in enumerate(text.split("\n"), 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            if number - start + 1 > FUNCTION_LINES + 2:
                yield f"line {start}: {number - start - 1} lines of function: {head[:60]}"
            start = None
        elif start is None and line[:1].isalpha() and "(" in line:
            head = line


def check_python_functions(path, text):
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"line {node.lineno}: {lines} lines of function: {node.name}"


def check_file(path, text):
    lines = text.count("\n")
    if COUNTED.search(path) and not GENERATED.search(path) and lines > FILE_LINES:
        yield f"{lines} lines, at most {FILE_LINES}"
    if path.endswith((".c", ".h")):
        if not text.startswith("/*"):
            yield "must open with a comment that says what it is"
        yield from check_includes(path, text)
        yield from check_c_functions(text)
    if path.endswith(".py"):
        yield from check_python_functions(path, text)
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, what in FORBIDDEN:
            if pattern.search(line):
                yield f"line {number}: names {what}: {line.strip()[:80]}"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(here))
    breaches, count = 0, 0
    for path in project_files():
        text = read_text(path)
        if text is None:
            continue
        count += 1
        for breach in check_file(path, text):
            breaches += 1
            print(f"{path}: {breach}")
    if breaches:
        print(f"{breaches} breaches in {count} files")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
