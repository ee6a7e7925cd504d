"""Writes the C++ of one service from its Model."""
import re

from .model import ModelError, PROTOCOLS, SCALARS, constant, cpp_string, snake

NUMBERS = {"integer": "std::int32_t", "long": "std::int64_t", "double": "double", "float": "double"}
GENERATED = "// Made by tools/generate_wire.py from models/{0}.json and models/{0}.overlay.json. Changes belong there.\n"


def cpp_type(model, name):
    shape = model.shape(name)
    kind = shape["type"]
    if kind in ("string", "character", "blob"):
        return "std::string"
    if kind in NUMBERS:
        return NUMBERS[kind]
    if kind == "boolean":
        return "bool"
    if kind == "timestamp":
        return "TimePoint"
    if kind == "list":
        return f"std::vector<{cpp_type(model, shape['member']['shape'])}>"
    if kind == "map":
        return f"std::map<std::string, {cpp_type(model, shape['value']['shape'])}>"
    if kind == "structure":
        return name
    raise ModelError(f"shape {name} has the unknown type {kind}")


def is_plain(model, structure, member):
    """Whether a member is always there: required, in a shape that requests have."""
    return structure in model.in_requests and member in model.shape(structure).get("required", [])


def member_type(model, structure, member):
    info = model.shape(structure)["members"][member]
    inner = cpp_type(model, info["shape"])
    if structure in set(model.reachable([info["shape"]])):  # the shape holds itself
        return f"Box<{inner}>"
    return inner if is_plain(model, structure, member) else f"std::optional<{inner}>"


def structures(model, names):
    return [n for n in names if model.kind(n) == "structure"]


def members_of(model, name):
    for member, info in model.shape(name)["members"].items():
        if model.shape(info["shape"]).get("eventstream"):
            raise ModelError(f"{name}.{member} is an event stream, which no handler can have yet")
        yield member, info


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


def request_type(model, operation):
    return model.operations[operation].get("input", f"{operation}Request")


def reply_type(model, operation):
    return model.operations[operation].get("output", f"{operation}Response")


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


def number(value, kind):
    return repr(float(value)) if kind in ("double", "float") else f"{int(value)}"


def emit_rules(model, name, patterns):
    """The Rules table of one shape. Shapes it mentions come before it."""
    shape = model.shape(name)
    kind = shape["type"]
    fields = []
    floating = kind in ("double", "float")
    for key in ("min", "max"):
        if key in shape:
            fields.append(f".{'float_' if floating else ''}{key} = {number(shape[key], kind)}")
    if shape.get("enum"):
        fields.append(f".values = k{name}Values")
    if shape.get("pattern") and kind == "string":
        fields.append(f".pattern = &kPatterns[{patterns[shape['pattern']]}]")
    if kind == "blob":
        fields.append(".encoding = Encoding::kBase64")
    hidden = shape.get("sensitive")
    for part in ("member", "key", "value"):
        if part in shape:
            hidden = hidden or model.shape(shape[part]["shape"]).get("sensitive")
    if hidden:
        fields.append(".secrecy = Secrecy::kHidden")
    if kind in ("list", "map"):
        nulls = shape.get("nulls", model.nulls_in_lists)
        if nulls == "refused":
            fields.append(".nulls = Nulls::kRefused")
        if shape.get("bareElementConstraint"):
            fields.append(".list_form = ListForm::kBare")
    if kind == "map":
        fields.append(f".key = &kRules{shape['key']['shape']}")
        fields.append(f".element = &kRules{shape['value']['shape']}")
        if model.is_query:
            fields.append(f".key_name = {cpp_string(shape['key'].get('locationName', 'key'))}")
            fields.append(f".value_name = {cpp_string(shape['value'].get('locationName', 'value'))}")
    if kind == "list":
        fields.append(f".element = &kRules{shape['member']['shape']}")
    return f"constexpr Rules kRules{name}{{{', '.join(fields)}}};\n"


def wire_name(member, info):
    return info.get("locationName", member)


def is_body(info):
    return "location" not in info


def source_of(model, structure, member, info, body):
    """The expression that finds a member in the call."""
    name = cpp_string(wire_name(member, info))
    location = info.get("location")
    if location is None:
        return f"r.find({body}, {name})"
    if location == "uri":
        return f"r.label({name})"
    if location == "header":
        return f"r.header({name})"
    if location == "querystring":
        kind = model.kind(info["shape"])
        if kind == "map":
            raise ModelError(f"{structure}.{member}: a map in the query string is not supported")
        return f"r.query_list({name})" if kind == "list" else f"r.query({name})"
    raise ModelError(f"{structure}.{member}: location {location} is not supported in a request")


def emit_decode_member(model, structure, member, info, body):
    how = "required" if member in model.shape(structure).get("required", []) else "optional"
    if how == "required" and member_type(model, structure, member).startswith("Box<"):
        raise ModelError(f"{structure}.{member} is required and holds its own shape")
    where = source_of(model, structure, member, info, body)
    return (f"  r.{how}({cpp_string(member)}, {where}, out.{snake(member)}, "
            f"kRules{info['shape']});\n")


def emit_decode_struct(model, name):
    unused = "" if model.shape(name)["members"] else "/*unused*/"
    arguments = "Reader& r, const json::object& in, {}& out".format(name)
    if unused:
        arguments = f"Reader& /*r*/, const json::object& /*in*/, {name}& /*out*/"
    out = [f"static void decode({arguments}) {{\n"]
    for member, info in members_of(model, name):
        out.append(emit_decode_member(model, name, member, {k: v for k, v in info.items() if k != "location"}, "in"))
    out.append("}\n")
    return "".join(out)


def emit_list(name, values):
    return f"  static constexpr std::string_view {name}[] = {{{', '.join(cpp_string(v) for v in values)}}};\n"


def emit_checks(model, operation):
    """Checks that the service makes itself once the request is well-formed (overlay: operations/X/checks)."""
    out = []
    for check in model.operations[operation].get("checks", []):
        structure = model.operations[operation]["input"]
        at, path = structure, []
        for member in check["member"].split("."):
            if member not in model.shape(at).get("members", {}):
                raise ModelError(f"{operation}: check of {check['member']}: {at} has no {member}")
            path.append((at, member))
            at = model.shape(at)["members"][member]["shape"]
        conditions, expression = [], "out"
        for owner, member in path:
            field = f"{expression}.{snake(member)}"
            if not is_plain(model, owner, member):
                conditions.append(field)
                field = f"(*{field})"
            expression = field
        if expression.startswith("(*"):
            expression = expression[1:-1]
        error = f"k{check['error']}"
        message = cpp_string(check.get("message", ""))
        name = cpp_string(path[-1][1])
        rule = check["rule"]
        if rule == "values-or-arn":
            out.append(emit_list("kAccepted", check["values"]))
            call = f"check_values_or_arn({expression}, {name}, kAccepted, {error})"
        elif rule == "retired":
            out.append(emit_list("kRetired", check["values"]))
            call = f"check_retired({expression}, kRetired, {message}, {error})"
        elif rule == "function-name-length":
            call = f"check_function_name_length({expression}, {name}, {int(check['max'])}, {error})"
        elif rule == "max-size":
            call = f"check_max_size(std::size({expression}), {int(check['max'])}, {message}, {error})"
        elif rule == "environment-size":
            call = f"check_environment_size({expression}, {int(check['max'])}, {message}, {error})"
        elif rule == "min-value":
            call = f"check_min_value({expression}, {int(check['min'])}, {message}, {error})"
        else:
            raise ModelError(f"{operation}: there is no rule {rule}")
        if conditions:
            out.append(f"  if ({' && '.join(conditions)}) {{\n"
                       f"    if (auto fault = {call}) return std::unexpected(*std::move(fault));\n  }}\n")
        else:
            out.append(f"  if (auto fault = {call}) return std::unexpected(*std::move(fault));\n")
    return "".join(out)


def emit_decode_operation(model, operation):
    request = request_type(model, operation)
    if "input" not in model.operations[operation]:
        return f"Outcome<{request}> {operation}::decode(Call& /*call*/) {{ return {request}{{}}; }}\n"
    shape = model.shape(request)
    payload = shape.get("payload")
    out = [f"Outcome<{request}> {operation}::decode(Call& call) {{\n", "  Reader r(model(), call);\n",
           f"  {request} out;\n"]
    body = [m for m, i in shape["members"].items() if is_body(i) and m != payload]
    if not model.is_rest or (body and not payload):
        out.append("  Document document;\n  const json::object* body = r.body(document);\n")
        if not body:
            out.append("  (void)body;\n")
    for member, info in members_of(model, request):
        if not model.is_rest:
            info = {k: v for k, v in info.items() if k != "location"}
        if member != payload:
            out.append(emit_decode_member(model, request, member, info, "body"))
            continue
        kind = model.kind(info["shape"])
        if kind == "blob":
            pass
        elif kind == "structure":
            how = "required" if member in shape.get("required", []) else "optional"
            out.append("  Document document;\n"
                       f"  r.{how}({cpp_string(member)}, r.payload(document), out.{snake(member)}, "
                       f"kRules{info['shape']});\n")
        else:
            raise ModelError(f"{request}.{member}: a payload of type {kind} is not supported")
    out.append("  if (auto fault = r.finish()) return std::unexpected(*std::move(fault));\n")
    out.append(emit_checks(model, operation))
    if payload and model.kind(shape["members"][payload]["shape"]) == "blob":
        field = f"out.{snake(payload)} = std::move(call.body);\n"
        plain = is_plain(model, request, payload)
        out.append(f"  {field}" if plain else f"  if (!call.body.empty()) {field}")
    out.append("  return out;\n}\n")
    return "".join(out)


TIMESTAMPS = {"unixTimestamp": "kUnix", "iso8601": "kIso8601", "rfc822": "kHttpDate"}


def timestamp_format(model, info):
    shape = model.shape(info["shape"])
    given = info.get("timestampFormat", shape.get("timestampFormat"))
    if given:
        return TIMESTAMPS[given]
    if info.get("location") == "header":
        return "kHttpDate"
    if info.get("location") == "querystring" or model.is_query or model.protocol in ("rest-xml", "ec2"):
        return "kIso8601"
    return "kUnix"


def holds(model, name, kinds):
    """Whether a list or map shape holds a scalar of one of `kinds` directly or nested."""
    shape = model.shape(name)
    for part in ("member", "value"):
        if part in shape:
            inner = model.kind(shape[part]["shape"])
            if inner in kinds or (inner in ("list", "map") and holds(model, shape[part]["shape"], kinds)):
                return True
    return False


def emit_encode_member(model, structure, member, info):
    name = cpp_string(wire_name(member, info))
    field = f"v.{snake(member)}"
    kind = model.kind(info["shape"])
    if kind in ("list", "map") and holds(model, info["shape"], ("blob", "timestamp")):
        raise ModelError(f"{structure}.{member}: lists of blobs or timestamps are not supported in a reply")
    if kind == "blob":
        return f"  w.blob({name}, {field});\n"
    if kind == "timestamp":
        return f"  w.timestamp({name}, {field}, TimestampFormat::{timestamp_format(model, info)});\n"
    form = ""
    shape = model.shape(info["shape"])
    if model.is_query and kind in ("list", "map"):
        flattened = shape.get("flattened") or info.get("flattened")
        item = "" if flattened else shape.get("member", {}).get("locationName", "member")
        key = shape.get("key", {}).get("locationName", "key")
        value = shape.get("value", {}).get("locationName", "value")
        if (item, key, value) != ("member", "key", "value"):
            form = f", {{.item = {cpp_string(item)}, .key = {cpp_string(key)}, .value = {cpp_string(value)}}}"
    return f"  w.member({name}, {field}{form});\n"


def writer(model):
    return "XmlWriter" if model.is_query else "JsonWriter"


def emit_encode_struct(model, name):
    if not model.shape(name)["members"]:
        return f"static void encode({writer(model)}& /*w*/, const {name}& /*v*/) {{}}\n"
    out = [f"static void encode({writer(model)}& w, const {name}& v) {{\n"]
    for member, info in members_of(model, name):
        if model.is_query or is_body(info) or name not in model.outputs(model.handled):
            out.append(emit_encode_member(model, name, member, info))
    if len(out) == 1:
        return f"static void encode({writer(model)}& /*w*/, const {name}& /*v*/) {{}}\n"
    out.append("}\n")
    return "".join(out)


def header_text(model, info, value):
    kind = model.kind(info["shape"])
    if kind == "string":
        return value
    if kind in ("integer", "long"):
        return f"std::to_string({value})"
    if kind == "boolean":
        return f'std::string({value} ? "true" : "false")'
    if kind == "timestamp":
        return f"format_timestamp({value}, TimestampFormat::{timestamp_format(model, info)})"
    raise ModelError(f"a header of type {kind} is not supported in a reply")


def emit_encode_operation(model, operation):
    info = model.operations[operation]
    reply = reply_type(model, operation)
    protocol = f"Protocol::{PROTOCOLS[model.protocol]}"
    if model.is_query:
        return emit_encode_query(model, operation, reply, protocol)
    status = info["status"]
    if "output" not in info:
        return (f"EncodedReply {operation}::encode(Reply /*reply*/, std::string_view /*request_id*/) {{\n"
                f"  return make_reply({protocol}, {status}, {{}});\n}}\n")
    shape = model.shape(reply)
    payload = shape.get("payload") if model.is_rest else None
    bound = [(m, i) for m, i in shape["members"].items() if model.is_rest and not is_body(i)]
    body = [m for m, i in shape["members"].items() if not (model.is_rest and not is_body(i)) and m != payload]
    out = []
    code = [m for m, i in bound if i["location"] == "statusCode"]
    status_text = str(status)
    if code:
        status_text = f"reply.{snake(code[0])}.value_or({status})"
    if payload and model.kind(shape["members"][payload]["shape"]) == "blob":
        out.append(f"  EncodedReply encoded{{.status = {status_text}, .headers = {{}}, .body = {{}}}};\n"
                   f"  if (reply.{snake(payload)}) {{\n"
                   f"    encoded.body = std::move(*reply.{snake(payload)});\n"
                   f"    encoded.headers.push_back({{\"Content-Type\", "
                   f"{cpp_string(info.get('replyContentType', 'application/octet-stream'))}}});\n  }}\n")
    elif payload:
        out.append("  JsonWriter writer;\n  writer.begin_object();\n"
                   f"  if (reply.{snake(payload)}) hearth_encode(writer, *reply.{snake(payload)});\n"
                   f"  writer.end_object();\n  EncodedReply encoded = make_reply({protocol}, {status_text}, writer.take());\n")
    elif body or (not model.is_rest):
        out.append("  JsonWriter writer;\n  writer.begin_object();\n  wire_encode(writer, reply);\n"
                   f"  writer.end_object();\n  EncodedReply encoded = make_reply({protocol}, {status_text}, writer.take());\n")
    else:
        out.append(f"  EncodedReply encoded = make_reply({protocol}, {status_text}, {{}});\n")
    for member, member_info in bound:
        if member_info["location"] == "statusCode":
            continue
        if member_info["location"] != "header":
            raise ModelError(f"{reply}.{member}: location {member_info['location']} is not supported in a reply")
        field = f"reply.{snake(member)}"
        out.append(f"  if ({field}) encoded.headers.push_back({{{cpp_string(wire_name(member, member_info))}, "
                   f"{header_text(model, member_info, '*' + field)}}});\n")
    text = "".join(out).replace("wire_encode(", f"{model.service}::encode(").replace("hearth_encode(", f"{model.service}::encode(")
    used = re.search(r"\breply\b", text)
    return (f"EncodedReply {operation}::encode(Reply {'reply' if used else '/*reply*/'}, "
            f"std::string_view /*request_id*/) {{\n{text}  return encoded;\n}}\n")


def emit_encode_query(model, operation, reply, protocol):
    info = model.operations[operation]
    out = [f"EncodedReply {operation}::encode(Reply {'reply' if 'output' in info else '/*reply*/'}, "
           "std::string_view request_id) {\n  XmlWriter writer;\n",
           f"  writer.open(\"{operation}Response\", {cpp_string(model.metadata['xmlNamespace'])});\n"]
    if "output" in info:
        wrapper = info.get("wrapper", f"{operation}Result")
        out.append(f"  writer.open(\"{wrapper}\");\n  {model.service}::encode(writer, reply);\n  writer.close(\"{wrapper}\");\n")
    out.append("  writer.open(\"ResponseMetadata\");\n  writer.text(\"RequestId\", request_id);\n"
               "  writer.close(\"ResponseMetadata\");\n"
               f"  writer.close(\"{operation}Response\");\n  return make_reply({protocol}, {info['status']}, writer.take());\n}}\n")
    return "".join(out)


def emit_model(model, patterns):
    meta = model.metadata
    out = ["constexpr OperationInfo kOperations[] = {\n"]
    for name in sorted(model.operations):
        operation = model.operations[name]
        handled = "kYes" if name in model.handled else "kNo"
        out.append(f"    {{{cpp_string(name)}, {cpp_string(operation['method'])}, {cpp_string(operation['uri'])}, "
                   f"{operation['status']}, Handled::{handled}}},\n")
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
    roots = set(model.inputs(model.handled))
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


def writes_body(model, name):
    if not model.is_rest:
        return True
    shape = model.shape(name)
    if shape.get("payload"):
        return False
    return any(is_body(i) for i in shape["members"].values())
