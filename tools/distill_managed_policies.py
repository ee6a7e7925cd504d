#!/usr/bin/env python3
"""Distils the policies that AWS manages from an installed moto into models/aws_managed_policies.json.

Facts only: name, path, default version, dates, document. Policies of services' own roles (/aws-service-role/), which no
client can attach, and documents of over 4,000 characters are left out, but for the general ones in ALWAYS. Usage: distill_managed_policies.py [OUTPUT]
Run it with the Python that has moto; the same moto gives the same bytes.
"""
import json
import os
import sys

from moto.iam import aws_managed_policies

MAX_DOCUMENT = 4_000
ALWAYS = {"AdministratorAccess", "PowerUserAccess", "AWSLambda_FullAccess", "AWSLambda_ReadOnlyAccess"}
DEFAULT_OUTPUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models", "aws_managed_policies.json")


def main():
    output = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_OUTPUT
    data = aws_managed_policies.aws_managed_policies_data
    policies = json.loads(data) if isinstance(data, str) else data
    def wanted(name, policy):
        return name in ALWAYS or (not policy["Path"].startswith("/aws-service-role/")
                                  and len(json.dumps(policy["Document"], separators=(",", ":"))) <= MAX_DOCUMENT)

    rows = [{"name": name, "path": p["Path"], "version": p["DefaultVersionId"], "created": p["CreateDate"], "updated": p["UpdateDate"],
             "document": p["Document"]} for name, p in sorted(policies.items()) if wanted(name, p)]
    with open(output, "w", encoding="utf-8") as stream:
        stream.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":"), ensure_ascii=True) for r in rows) + "\n]\n")


if __name__ == "__main__":
    main()
