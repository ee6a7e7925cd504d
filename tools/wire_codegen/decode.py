"""Writes decoders and the tables of rules they check."""
from .model import ModelError, cpp_string, snake
from .types import is_body, is_plain, member_type, members_of, request_type, wire_name


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
        if "patternMessage" in shape:
            fields.append(f".pattern_message = {cpp_string(shape['patternMessage'])}")
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
