#!/usr/bin/env python3
"""Makes models/<service>.json from an installed botocore.

    tools/distill_models.py BOTOCORE_DATA_FOLDER [SERVICE ...]

A distilled model holds facts only: operations, HTTP bindings, members, types, constraints and errors. Documentation
text is left out. Members keep the order of the source, since that is the order in which constraints are reported.
Running it again on the same botocore reproduces the files byte for byte.
"""
import gzip
import json
import pathlib
import sys

SERVICES = ("lambda", "sts", "iam", "logs")
METADATA = ("apiVersion", "endpointPrefix", "globalEndpoint", "jsonVersion", "protocol", "protocols", "serviceId",
            "signatureVersion", "signingName", "targetPrefix", "xmlNamespace")
TEXT = ("documentation", "deprecatedMessage", "deprecatedSince")


def load(data, service):
    """The newest service-2 model of a service."""
    found = sorted(data.glob(f"{service}/*/service-2.json*"))
    if not found:
        sys.exit(f"distill_models: no service-2.json for {service} under {data}")
    newest = found[-1]
    opener = gzip.open if newest.suffix == ".gz" else open
    with opener(newest, "rt", encoding="utf-8") as f:
        return json.load(f)


def distill_shape(shape):
    """A shape without text; `members` is walked apart, since a member may be called like a text key."""
    out = {}
    for key, value in shape.items():
        if key in TEXT:
            continue
        if key == "members":
            out[key] = {name: {k: v for k, v in member.items() if k not in TEXT} for name, member in value.items()}
        elif key in ("member", "key", "value"):
            out[key] = {k: v for k, v in value.items() if k not in TEXT}
        else:
            out[key] = value
    return out


def distill_operation(operation):
    http = operation.get("http", {})
    out = {"method": http.get("method", "POST"), "uri": http.get("requestUri", "/"),
           "status": http.get("responseCode", 200)}
    if "input" in operation:
        out["input"] = operation["input"]["shape"]
    if "output" in operation:
        out["output"] = operation["output"]["shape"]
        if "resultWrapper" in operation["output"]:
            out["wrapper"] = operation["output"]["resultWrapper"]
    errors = [e["shape"] for e in operation.get("errors", [])]
    if errors:
        out["errors"] = errors
    if operation.get("deprecated"):
        out["deprecated"] = True
    return out


def one_line_each(items):
    lines = [f'  {json.dumps(k)}: {json.dumps(v, ensure_ascii=True)}' for k, v in items.items()]
    return "{\n" + ",\n".join(lines) + "\n }"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    data = pathlib.Path(sys.argv[1])
    models = pathlib.Path(__file__).resolve().parent.parent / "models"
    for service in sys.argv[2:] or SERVICES:
        source = load(data, service)
        metadata = {k: source["metadata"][k] for k in METADATA if k in source["metadata"]}
        metadata.setdefault("signingName", metadata["endpointPrefix"])
        operations = {k: distill_operation(v) for k, v in sorted(source["operations"].items())}
        shapes = {k: distill_shape(v) for k, v in sorted(source["shapes"].items())}
        text = ('{\n "metadata": ' + json.dumps(metadata) + ',\n "operations": ' + one_line_each(operations) +
                ',\n "shapes": ' + one_line_each(shapes) + "\n}\n")
        (models / f"{service}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
