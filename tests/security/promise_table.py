"""The table of promises in docs/sandbox.md, made of promises.json.

  /usr/bin/python3 tests/security/promise_table.py           prints it
  /usr/bin/python3 tests/security/promise_table.py --write   puts it into docs/sandbox.md
"""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, "..", "..", "docs", "sandbox.md")
BEGIN = "<!-- made by tests/security/promise_table.py -->"
END = "<!-- end of what is made -->"


def load():
    with open(os.path.join(HERE, "promises.json"), encoding="utf-8") as stream:
        return json.load(stream)


def mutants_of(attempt, mutants):
    """The smallest sets of barriers without which the attempt succeeds."""
    sets = [frozenset(m["without"]) for m in mutants if attempt in m["breaks"]]
    smallest = [m for m in mutants if attempt in m["breaks"] and not any(s < frozenset(m["without"]) for s in sets)]
    return "; or ".join(" + ".join(f"`{barrier[1:]}`" for barrier in m["without"]) for m in smallest)


def rows(table):
    tiers = table["tiers"]
    yield "| promise | " + " | ".join(tiers) + " | attempt | succeeds only without |"
    yield "|" + "---|" * (len(tiers) + 3)
    for p in table["promises"]:
        holds = " | ".join(p[tier] or "?" for tier in tiers)
        yield f"| {p['promise']} | {holds} | `{p['attempt']}` | {mutants_of(p['attempt'], table['mutants'])} |"
    yield ""
    yield "The server's own checks, the same in every tier:"
    yield ""
    yield "| promise | attempt | succeeds only without |"
    yield "|---|---|---|"
    for p in table["server_promises"]:
        yield f"| {p['promise']} | `{p['attempt']}` | {mutants_of(p['attempt'], table['server_mutants'])} |"


def text():
    return "\n".join(rows(load())) + "\n"


def main():
    if sys.argv[1:] != ["--write"]:
        sys.stdout.write(text())
        return
    with open(DOCUMENT, encoding="utf-8") as stream:
        document = stream.read()
    before, rest = document.split(BEGIN + "\n")
    after = rest.split(END + "\n")[1]
    with open(DOCUMENT, "w", encoding="utf-8") as stream:
        stream.write(f"{before}{BEGIN}\n{text()}{END}\n{after}")


if __name__ == "__main__":
    main()
