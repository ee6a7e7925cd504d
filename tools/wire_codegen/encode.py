"""Writes encoders."""
import re

from .model import ModelError, PROTOCOLS, cpp_string, snake
from .types import is_body, members_of, reply_type, wire_name

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


def writes_body(model, name):
    if not model.is_rest:
        return True
    shape = model.shape(name)
    if shape.get("payload"):
        return False
    return any(is_body(i) for i in shape["members"].values())
