#!/usr/bin/env python3
"""Checks that nothing in the lock files wants more than Debian 12's own Node.js.

npm leaves out what wants more, in silence where it is optional (the native part of a tool, say), and
the build fails with something unrelated; a machine with a newer Node.js hides it. Ranges are read as
npm reads them, as far as they occur: alternatives by `||`, each some of >= > <= < ^ ~ = and x.
Exit status 0 only if every package can do with that version.
"""
import glob
import json
import re
import sys

HAVE = (18, 20, 0)
COMPARATOR = re.compile(r"(>=|<=|>|<|\^|~|=|)\s*v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?[\w.+-]*")


def number(text):
    return int(text) if text and text.isdigit() else None


def upper(operator, parts):
    """The first version that ^1.2, ~1.2 or plain 1.2 does not mean any more."""
    given = [part for part in parts if part is not None]
    if operator == "^":
        place = next((i for i, part in enumerate(given) if part), len(given) - 1)
    elif operator == "~":
        place = min(1, len(given) - 1)
    else:
        place = len(given) - 1
    return tuple(given[:place]) + (given[place] + 1,) + (0,) * (2 - place)


def fits(operator, parts, have):
    if parts[0] is None:
        return True
    lowest = tuple(part or 0 for part in parts)
    if operator in (">=", "<"):
        return (have >= lowest) == (operator == ">=")
    if operator in (">", "<="):
        above = have >= upper("", parts)
        return above == (operator == ">")
    return lowest <= have < upper(operator, parts)


def allows(wanted, have):
    """Whether one of the alternatives of a range fits; ValueError for what is no range."""
    for alternative in wanted.split("||"):
        rest = COMPARATOR.sub("", alternative).strip()
        if rest:
            raise ValueError(f"not understood: {wanted}")
        found = COMPARATOR.findall(alternative)
        if all(fits(operator, [number(n) for n in parts], have) for operator, *parts in found):
            return True
    return False


def complaints(path):
    with open(path, encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    for name, package in packages.items():
        engines = package.get("engines")
        wanted = engines.get("node", "*") if isinstance(engines, dict) else "*"
        if not allows(wanted, HAVE):
            yield f"{path}: {name} {package.get('version')} wants Node.js {wanted}"
        if "resolved" in package:
            yield f"{path}: {name} names a host to be fetched from (see .npmrc beside it)"


def main():
    paths = sorted(glob.glob("ui/package-lock.json") + glob.glob("tests/*/package-lock.json"))
    found = [line for path in paths for line in complaints(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
