"""The shape of the tree: include arrows, service folders, file lengths, documentation links, formatting."""
import glob
import os
import re
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SRC = os.path.join(ROOT, "src")

# Which folders of src/ each folder may include, besides itself. An invocation is read from the top downwards.
FOUNDATION = {"base", "observe", "net"}
ARROWS = {
    "main": {"gateway", "runtime_api", "services", "invocation", "environment", "functions", "sandbox", "storage",
             "config", "policy", "wire"} | FOUNDATION,
    "gateway": {"services", "environment", "functions", "storage", "policy", "wire"} | FOUNDATION,
    "runtime_api": {"environment", "functions"} | FOUNDATION,
    "services": {"invocation", "environment", "functions", "storage", "policy", "wire"} | FOUNDATION,
    "invocation": {"environment", "functions"} | FOUNDATION,
    "environment": {"functions", "sandbox", "storage"} | FOUNDATION,
    "functions": {"storage"} | FOUNDATION,
    "sandbox": {"launcher"} | FOUNDATION,
    "launcher": {"base"},
    "storage": FOUNDATION,
    "policy": {"wire", "base"},
    "wire": {"base"},
    "config": {"base"},
    "net": {"observe", "base"},
    "observe": {"base"},
    "base": set(),
}
MAX_LINES = 800


def source_files(*endings):
    for folder, _, names in os.walk(SRC):
        for name in names:
            if name.endswith(endings):
                yield os.path.join(folder, name)


def read(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()


class Arrows(unittest.TestCase):
    def test_every_include_points_down(self):
        wrong = []
        for path in source_files(".h", ".cc"):
            folder = os.path.relpath(path, SRC).split(os.sep)[0]
            self.assertIn(folder, ARROWS, f"src/{folder} has no row in ARROWS")
            for target in re.findall(r'^#include "([^"/]+)/', read(path), re.M):
                if target != folder and target in ARROWS and target not in ARROWS[folder]:
                    wrong.append(f"{os.path.relpath(path, ROOT)} includes {target}/")
        self.assertEqual([], wrong)

    def test_asio_is_named_in_net_alone(self):
        wrong = [os.path.relpath(p, ROOT) for p in source_files(".h", ".cc")
                 if not os.path.relpath(p, SRC).startswith("net/") and re.search(r"boost/asio|boost::asio", read(p))]
        self.assertEqual([], wrong)

    def test_services_do_not_see_http_or_sockets(self):
        wrong = [os.path.relpath(p, ROOT) for p in source_files(".h", ".cc")
                 if os.path.relpath(p, SRC).startswith("services/") and "_test.cc" not in p
                 and re.search(r'#include "net/(http|http_server|tls)\.h"', read(p))]
        self.assertEqual([], wrong)


class Barriers(unittest.TestCase):
    def test_files_are_synced_in_one_place(self):
        wrong = [os.path.relpath(p, ROOT) for p in source_files(".h", ".cc")
                 if not p.endswith("storage/file_system.cc") and re.search(r"\b(fsync|fdatasync|syncfs|sync_file_range)\s*\(", read(p))]
        self.assertEqual([], wrong, "sync through storage/file_system.h, with a SyncSite")

    def test_every_barrier_is_listed_with_what_it_is_for(self):
        listed = read(os.path.join(ROOT, "docs", "durability.md"))
        for path in source_files(".h", ".cc"):
            if path.endswith("_test.cc"):
                continue
            for site in re.findall(r'SyncSite \w+\{"([^"]+)"\}', read(path)):
                with self.subTest(site=site):
                    self.assertIn(f"`{site}`", listed)


class Shape(unittest.TestCase):
    def test_every_service_folder_has_the_same_files(self):
        for folder in sorted(glob.glob(os.path.join(SRC, "services", "*", ""))):
            with self.subTest(service=os.path.basename(folder.rstrip("/"))):
                names = set(os.listdir(folder))
                for needed in ("README.md", "CMakeLists.txt", "operations.cc", "service.h", "service.cc", "errors.h"):
                    self.assertIn(needed, names)
                self.assertTrue(any(n.endswith("_handlers.cc") for n in names), "no <resource>_handlers.cc")
                self.assertTrue(any(n.endswith("_test.cc") for n in names), "no test beside the code")

    def test_every_source_folder_says_what_it_is_for(self):
        for folder in sorted(ARROWS):
            if os.path.isdir(os.path.join(SRC, folder)):
                with self.subTest(folder=folder):
                    self.assertTrue(os.path.exists(os.path.join(SRC, folder, "README.md")), "README.md is missing")

    def test_no_file_is_too_long(self):
        listed = subprocess.run(["git", "ls-files", "src", "tools", "runtimes", "tests", "examples"], cwd=ROOT, text=True,
                                check=True, stdout=subprocess.PIPE).stdout.split("\n")
        long = []
        for name in listed:
            if name.endswith((".h", ".cc", ".c", ".py", ".js", ".mjs", ".cjs", ".sh")) and os.path.exists(os.path.join(ROOT, name)):
                count = read(os.path.join(ROOT, name)).count("\n")
                if count > MAX_LINES:
                    long.append(f"{name}: {count} lines")
        self.assertEqual([], long)

    def test_headers_are_guarded_and_open_with_their_concept(self):
        wrong = []
        for path in source_files(".h"):
            lines = read(path).split("\n")
            if lines[0] != "#pragma once" or not lines[1].startswith("//"):
                wrong.append(os.path.relpath(path, ROOT))
        self.assertEqual([], wrong)


class Documents(unittest.TestCase):
    def test_links_between_documents_are_alive(self):
        dead = []
        for path in glob.glob(os.path.join(ROOT, "**/*.md"), recursive=True):
            if "/build/" in path or "/node_modules/" in path:
                continue
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(path)):
                if not os.path.exists(os.path.normpath(os.path.join(os.path.dirname(path), target))):
                    dead.append(f"{os.path.relpath(path, ROOT)} -> {target}")
        self.assertEqual([], dead)


class Formatting(unittest.TestCase):
    def test_every_source_file_is_formatted(self):
        files = sorted(source_files(".h", ".cc"))
        done = subprocess.run(["clang-format-19", "--dry-run", "--Werror", *files], cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(0, done.returncode, "run clang-format-19 -i on these files:\n" + done.stdout[-3000:])


if __name__ == "__main__":
    unittest.main()
