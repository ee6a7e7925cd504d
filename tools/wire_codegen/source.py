"""Writes the source file: tables, then decoders and encoders."""
from .decode import emit_decode_operation, emit_decode_struct, emit_rules
from .encode import emit_encode_operation, emit_encode_struct, writer, writes_body
from .header import GENERATED
from .model import ModelError, PROTOCOLS, cpp_string
from .types import structures


def segments(uri):
    """How many segments every path of `uri` has; 0 if any number."""
    path = uri.split("?")[0].rstrip("/")
    return 0 if "+}" in path else path.count("/")


def emit_model(model, patterns):
    meta = model.metadata
    out = ["constexpr OperationInfo kOperations[] = {\n"]
    for name in sorted(model.operations):
        operation = model.operations[name]
        handled = "kYes" if name in model.handled else "kNo"
        out.append(f"    {{{cpp_string(name)}, {cpp_string(operation['method'])}, {cpp_string(operation['uri'])}, "
                   f"{operation['status']}, Handled::{handled}, {segments(operation['uri'])}}},\n")
    out.append("};\n\nconstexpr ServiceModel kModel{\n")
    validation = model.validation
    fields = [("name", model.service), ("service_id", meta["serviceId"]), ("signing_name", meta["signingName"]),
              ("endpoint_prefix", meta["endpointPrefix"]), ("api_version", meta["apiVersion"]),
              ("target_prefix", meta.get("targetPrefix", "")), ("xml_namespace", meta.get("xmlNamespace", ""))]
    for key, value in fields:
        out.append(f"    .{key} = {cpp_string(value)},\n")
    out.append(f"    .protocol = Protocol::{PROTOCOLS[model.protocol]},\n"
               f"    .validation_error = {{.code = {cpp_string(validation['code'])}, .status = {validation['status']}}},\n"
               "    .operations = kOperations,\n" + ("    .patterns = kPatterns,\n" if patterns else "") + "};\n")
    return "".join(out)


def emit_source(model, namespace, include):
    service = model.service
    decoded_types = structures(model, model.decoded)
    nested = set()
    for name in model.decoded:
        nested.update(model.references(name))
    decode_types = [n for n in decoded_types if n in nested]
    rule_shapes = [n for n in model.decoded if model.kind(n) != "structure" and n in model.ruled]
    structure_rules = [n for n in decoded_types if n in nested]
    patterns = {}
    for name in rule_shapes:
        pattern = model.pattern_of(name)
        if pattern and pattern not in patterns:
            patterns[pattern] = len(patterns)

    out = [GENERATED.format(service), f'\n#include "{include}"\n\n#include <utility>\n\n']
    if model.handled:
        out.append('#include "wire/checks.h"\n#include "wire/document.h"\n#include "wire/reader.h"\n'
                   '#include "wire/reply.h"\n' +
                   ('#include "wire/xml_writer.h"\n' if model.is_query else '#include "wire/json_writer.h"\n') + "\n")
    out.append(f"namespace {namespace}::{service} {{\n\nnamespace {{\n\n")
    if patterns:
        out.append("constinit const Pattern kPatterns[] = {\n")
        for pattern in patterns:
            accept, refuse = model.re2(pattern)
            more = f", {cpp_string(refuse)}" if refuse else ""
            out.append(f"    {{{cpp_string(pattern)}, {cpp_string(accept)}{more}}},\n")
        out.append("};\n\n")
    for name in structure_rules:
        hidden = "{.secrecy = Secrecy::kHidden}" if model.shape(name).get("sensitive") else "{}"
        out.append(f"constexpr Rules kRules{name}{hidden};\n")
    for name in rule_shapes:
        for other in model.references(name):
            if model.kind(other) in ("list", "map") and rule_shapes.index(other) > rule_shapes.index(name):
                raise ModelError(f"{name} and {other} are lists of each other")
        out.append(emit_rules(model, name, patterns))
    out.append("\n" + emit_model(model, patterns) + "\n}  // namespace\n\nconst ServiceModel& model() { return kModel; }\n\n")

    recursive = any(model.is_recursive(n) for n in decoded_types + structures(model, model.encoded))
    if recursive:
        for name in decode_types:
            out.append(f"static void decode(Reader& r, const json::object& in, {name}& out);\n")
        for name in structures(model, model.encoded):
            out.append(f"static void encode({writer(model)}& w, const {name}& v);\n")
        out.append("\n")
    for name in decode_types:
        out.append(emit_decode_struct(model, name) + "\n")
    outputs = set(model.outputs(model.handled))
    for name in structures(model, model.encoded):
        text = emit_encode_struct(model, name)
        needed = name not in outputs or writes_body(model, name) or any(name in model.references(n) for n in model.encoded)
        if needed:
            out.append(text + "\n")
    for operation in model.handled:
        out.append(emit_decode_operation(model, operation) + "\n")
        out.append(emit_encode_operation(model, operation) + "\n")
    out.append(f"}}  // namespace {namespace}::{service}\n")
    return "".join(out)


