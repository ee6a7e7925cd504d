#!/usr/bin/env python3
"""Writes models/aws_managed_policies.json as a C++ table. Usage: generate_managed_policies.py INPUT OUTPUT"""
import datetime
import json
import sys


def literal(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"sv'


def milliseconds(stamp):
    return int(datetime.datetime.fromisoformat(stamp).timestamp()) * 1000


def main():
    with open(sys.argv[1], encoding="utf-8") as stream:
        rows = sorted(json.load(stream), key=lambda r: r["name"])
    lines = ['#include "services/iam/managed_policies.h"', "", "namespace hearth::services::iam {", "namespace {", "",
             "using namespace std::string_view_literals;", "", "constexpr ManagedPolicy kPolicies[] = {"]
    for row in rows:
        document = json.dumps(row["document"], separators=(",", ":"), ensure_ascii=True)
        lines.append(f'    {{{literal(row["name"])}, {literal(row["path"])}, {literal(row["version"])}, {milliseconds(row["created"])}, '
                     f'{milliseconds(row["updated"])}, {literal(document)}}},')
    lines += ["};", "", "}  // namespace", "", "std::span<const ManagedPolicy> managed_policies() { return kPolicies; }", "",
              "}  // namespace hearth::services::iam", ""]
    with open(sys.argv[2], "w", encoding="ascii") as stream:
        stream.write("\n".join(lines))


if __name__ == "__main__":
    main()
