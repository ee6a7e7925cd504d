"""What a shape is called and how it is typed in C++."""
from .model import ModelError

NUMBERS = {"integer": "std::int32_t", "long": "std::int64_t", "double": "double", "float": "double"}


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


def request_type(model, operation):
    return model.operations[operation].get("input", f"{operation}Request")


def reply_type(model, operation):
    return model.operations[operation].get("output", f"{operation}Response")


def wire_name(member, info):
    return info.get("locationName", member)


def is_body(info):
    return "location" not in info
