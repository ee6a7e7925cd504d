#!/usr/bin/env python3
"""Makes the C++ of the wire layer from models/.

    tools/generate_wire.py --models DIR --services DIR --out DIR [--namespace NAME] [--operations SERVICE=A,B ...]
                           [SERVICE ...]

Writes OUT/<service>.h and OUT/<service>.cc. Operations that have a handler are those with a row
`operation<wire::SERVICE::NAME>(` in SERVICES/<service>/operations.cc, or the ones given with --operations; they get
typed requests and replies, decoders and encoders. All others stand in the name-and-route table only. Files that would
not change are left alone, so that nothing is compiled again.
"""
import argparse
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from wire_codegen.header import emit_header
from wire_codegen.model import ModelError, load_model
from wire_codegen.source import emit_source


def operations_with_handler(services, service):
    path = services / service / "operations.cc"
    if not path.is_file():
        return []
    text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
    return re.findall(r"\boperation<\s*(?:::)?(?:hearth::)?(?:wire::)?" + re.escape(service) + r"::(\w+)", text)


def write_if_changed(path, text):
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--services", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--include", default="wire/generated", help="folder of the headers in #include lines")
    parser.add_argument("--namespace", default="hearth::wire")
    parser.add_argument("--operations", action="append", default=[], metavar="SERVICE=A,B")
    parser.add_argument("service", nargs="+")
    arguments = parser.parse_args()
    given = dict(entry.split("=", 1) for entry in arguments.operations)
    for service in arguments.service:
        try:
            names = given[service].split(",") if service in given else operations_with_handler(arguments.services, service)
            model = load_model(arguments.models, service, [n for n in names if n])
            header = emit_header(model, arguments.namespace)
            source = emit_source(model, arguments.namespace, f"{arguments.include}/{service}.h")
        except ModelError as error:
            sys.exit(f"generate_wire: {service}: {error}")
        write_if_changed(arguments.out / f"{service}.h", header)
        write_if_changed(arguments.out / f"{service}.cc", source)


if __name__ == "__main__":
    main()
