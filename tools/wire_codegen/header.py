"""Writes the header: enum values, errors, structures, operations."""
from .model import ModelError, constant, cpp_string, snake
from .types import is_plain, member_type, members_of, reply_type, request_type, structures

GENERATED = "// Made by tools/generate_wire.py from models/{0}.json and models/{0}.overlay.json. Changes belong there.\n"


def emit_struct(model, name):
    lines = [f"struct {name} {{"]
    for member, _ in members_of(model, name):
        kind = member_type(model, name, member)
        initial = " = 0" if kind.startswith("std::int") or kind == "double" else " = false" if kind == "bool" else ""
        if not initial and not kind.startswith("Box<"):  # a Box of its own shape cannot be named before the shape ends
            initial = " = {}"
        lines.append(f"  {kind} {snake(member)}{initial};")
    lines.append("};")
    return "\n".join(lines) + "\n"


def error_code(model, name):
    return model.shape(name).get("error", {}).get("code", name)


def error_shape(model, name):
    shape = model.shape(name)
    error = shape.get("error", {})
    status = error.get("httpStatusCode", 500 if shape.get("fault") else 400)
    fault = "kSender" if error.get("senderFault", not shape.get("fault") and status < 500) else "kReceiver"
    upper = "Message" in shape.get("members", {})
    with_type = "true" if "Type" in shape.get("members", {}) else "false"
    return (f"{{.code = {cpp_string(error_code(model, name))}, .status = {status}, .fault = Fault::{fault}, "
            f".message_member = MessageMember::{'kUpper' if upper else 'kLower'}, .with_type = {with_type}}}")


def enum_name(values):
    """Constant names of an enum's values; a number is added where two would be the same."""
    seen = {}
    for value in values:
        name = constant(value)
        while name in seen.values():
            name += "_"
        seen[value] = name
    return seen


def emit_header(model, namespace):
    service = model.service
    out = ["#pragma once\n", GENERATED.format(service)]
    out.append(f"// Types and codecs of {model.metadata['serviceId']}: those of the operations that have a handler.\n\n")
    out.append("#include <array>\n#include <cstdint>\n#include <map>\n#include <optional>\n#include <string>\n"
               "#include <string_view>\n#include <vector>\n\n"
               '#include "base/clock.h"\n#include "wire/aws_error.h"\n#include "wire/box.h"\n#include "wire/call.h"\n'
               '#include "wire/service_model.h"\n\n')
    out.append(f"namespace {namespace}::{service} {{\n\n")
    if namespace != "hearth::wire":
        out.append("using namespace hearth::wire;\n\n")
    out.append("const ServiceModel& model();\n\n")

    for name in sorted(n for n in model.used if model.shape(n).get("enum")):
        values = model.shape(name)["enum"]
        names = enum_name(values)
        for value in values:
            out.append(f"inline constexpr std::string_view k{name}{names[value]} = {cpp_string(value)};\n")
        listed = ", ".join(f"k{name}{names[v]}" for v in values)
        out.append(f"inline constexpr std::array<std::string_view, {len(values)}> k{name}Values = {{{listed}}};\n\n")

    for name in model.used_errors():
        out.append(f"inline constexpr ErrorShape k{name}{error_shape(model, name)};\n")
    if model.used_errors():
        out.append("\n")

    types = structures(model, model.used)
    for name in types:
        out.append(f"struct {name};\n")
    if types:
        out.append("\n")
    for name in types:
        out.append(emit_struct(model, name) + "\n")

    empty = []
    for operation in model.handled:
        for key, kind in (("input", request_type(model, operation)), ("output", reply_type(model, operation))):
            if key not in model.operations[operation] and kind not in empty:
                if kind in model.shapes:
                    raise ModelError(f"{operation} has no {key}, and {kind} is another shape")
                empty.append(kind)
    for name in empty:
        out.append(f"struct {name} {{}};\n\n")

    for operation in model.handled:
        out.append(f"struct {operation} {{\n"
                   f"  static constexpr std::string_view kName = \"{operation}\";\n"
                   f"  using Request = {request_type(model, operation)};\n"
                   f"  using Reply = {reply_type(model, operation)};\n"
                   "  static Outcome<Request> decode(Call& call);\n"
                   "  static EncodedReply encode(Reply reply, std::string_view request_id);\n"
                   "};\n\n")
    out.append(f"}}  // namespace {namespace}::{service}\n")
    return "".join(out)
