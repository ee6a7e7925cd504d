"""Barriers, promises and the table in docs/sandbox.md agree; the switch that leaves barriers out is in test builds alone."""
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "security"))
sys.dont_write_bytecode = True
import promise_table  # noqa: E402


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as stream:
        return stream.read()


def sources():
    listed = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, text=True, check=True, stdout=subprocess.PIPE).stdout
    return [name for name in listed.split() if name.endswith((".h", ".cc")) and os.path.exists(os.path.join(ROOT, name))]


def barriers():
    body = read("src/base/barriers.h").split("enum class Barrier")[1].split("};")[0]
    return [name for name in re.findall(r"^  (k\w+),?$", body, re.M) if name != "kCount"]


class Barriers(unittest.TestCase):
    def test_each_is_asked_for_and_left_out_by_a_mutant(self):
        table = promise_table.load()
        left_out = {b for m in table["mutants"] + table["server_mutants"] for b in m["without"]}
        asked = {name: set(re.findall(r"\bk[A-Z]\w+", read(name))) for name in sources() if "barriers.h" not in name
                 and '"base/barriers.h"' in read(name)}
        for barrier in barriers():
            with self.subTest(barrier=barrier):
                self.assertIn(barrier, left_out, "no mutant leaves it out")
                self.assertTrue(any(barrier in names for names in asked.values()), "nothing asks for it")
        self.assertEqual(set(), left_out - set(barriers()))

    def test_each_promise_is_broken_by_a_mutant(self):
        table = promise_table.load()
        for kind in ("", "server_"):
            broken = {a for m in table[kind + "mutants"] for a in m["breaks"]}
            promised = {p["attempt"] for p in table[kind + "promises"]}
            self.assertEqual(promised, broken)

    def test_the_switch_is_in_test_builds_alone(self):
        for name in sources():
            if name != "src/base/barriers.h":
                self.assertNotIn("HEARTH_MUTANTS", read(name), name)
            self.assertNotIn("HEARTH_LEFT_OUT", read(name), name)
        for folder in ("src", "cmake", "."):
            for path, _, names in os.walk(os.path.join(ROOT, folder)) if folder != "." else [(ROOT, [], ["CMakeLists.txt"])]:
                for name in names:
                    if name == "CMakeLists.txt" or name.endswith(".cmake"):
                        with open(os.path.join(path, name), encoding="utf-8") as stream:
                            self.assertNotIn("HEARTH_MUTANTS", stream.read(), os.path.join(path, name))

    def test_the_servers_barriers_are_all_compiled_into_its_mutants(self):
        built = read("tests/security/CMakeLists.txt")
        for name in sources():
            if '"base/barriers.h"' in read(name) and not name.startswith("src/launcher/"):
                self.assertIn(name.removeprefix("src/"), built)


class Document(unittest.TestCase):
    def test_the_table_is_the_one_the_tests_go_by(self):
        document = read("docs/sandbox.md")
        shown = document.split(promise_table.BEGIN + "\n")[1].split(promise_table.END)[0]
        self.assertEqual(promise_table.text(), shown, "run tests/security/promise_table.py --write")


if __name__ == "__main__":
    unittest.main()
