"""A service's model with its overlay applied, and the questions the emitter asks it."""
import functools
import json
import re


class ModelError(Exception):
    """The model, its overlay or an operations list cannot be turned into code."""


PROTOCOLS = {"rest-json": "kRestJson", "json1.0": "kJson10", "json1.1": "kJson11", "query": "kQuery",
             "rest-xml": "kRestXml", "ec2": "kEc2", "smithy-rpc-v2-cbor": "kRpcV2Cbor"}


def set_at(model, where, value):
    """Sets `where` ("shapes/MemorySize/max") to `value`; null removes it."""
    *parents, last = where.split("/")
    at = model
    for name in parents:
        if not isinstance(at, dict) or name not in at:
            raise ModelError(f"overlay: {where}: there is no {name}")
        at = at[name]
    if value is None:
        if last not in at:
            raise ModelError(f"overlay: {where}: nothing to remove")
        del at[last]
    else:
        at[last] = value


def load_model(folder, service, operations):
    model = json.loads((folder / f"{service}.json").read_text(encoding="utf-8"))
    overlay = folder / f"{service}.overlay.json"
    if overlay.is_file():
        for entry in json.loads(overlay.read_text(encoding="utf-8"))["entries"]:
            for key in ("where", "value", "source", "date"):
                if key not in entry:
                    raise ModelError(f"overlay: an entry without {key}: {entry}")
            set_at(model, entry["where"], entry["value"])
    patterns = json.loads((folder / "patterns.json").read_text(encoding="utf-8"))["patterns"]
    return Model(service, model, {p["pattern"]: p for p in patterns}, operations)


class Model:
    def __init__(self, service, data, patterns, operations):
        self.service = service
        self.metadata = data["metadata"]
        self.operations = data["operations"]
        self.shapes = data["shapes"]
        self.validation = data.get("validation", {"code": "ValidationException", "status": 400})
        self.nulls_in_lists = data.get("nullsInLists", "allowed")
        self.rewritten = patterns
        self.handled = sorted(set(operations))
        for name in self.handled:
            if name not in self.operations:
                raise ModelError(f"operations.cc has a handler for {name}, which the model does not know")
        self.protocol = self.metadata["protocol"]
        if self.protocol == "json":
            self.protocol += self.metadata["jsonVersion"]
        if self.protocol not in PROTOCOLS:
            raise ModelError(f"unknown protocol {self.protocol}")
        if self.handled and self.protocol not in ("rest-json", "json1.0", "json1.1", "query"):
            raise ModelError(f"protocol {self.protocol} is not supported yet, so no operation can have a handler")

    @property
    def is_rest(self):
        return self.protocol.startswith("rest-")

    @property
    def is_query(self):
        return self.protocol == "query"

    def shape(self, name):
        if name not in self.shapes:
            raise ModelError(f"there is no shape {name}")
        return self.shapes[name]

    def kind(self, name):
        return self.shape(name)["type"]

    def references(self, name):
        """Shapes that `name` mentions, in order."""
        shape = self.shape(name)
        if shape["type"] == "structure":
            return [m["shape"] for m in shape["members"].values()]
        if shape["type"] == "list":
            return [shape["member"]["shape"]]
        if shape["type"] == "map":
            return [shape["key"]["shape"], shape["value"]["shape"]]
        return []

    def reachable(self, roots):
        """Every shape reachable from `roots`, each after the shapes it mentions where there is no cycle."""
        done, order, active = set(), [], set()

        def visit(name):
            if name in done or name in active:
                return
            active.add(name)
            for other in self.references(name):
                visit(other)
            active.discard(name)
            done.add(name)
            order.append(name)

        for root in roots:
            visit(root)
        return order

    def inputs(self, names):
        return [self.operations[n]["input"] for n in names if "input" in self.operations[n]]

    def outputs(self, names):
        return [self.operations[n]["output"] for n in names if "output" in self.operations[n]]

    @functools.cached_property
    def in_requests(self):
        """Shapes that any operation of the service, with a handler or not, has in its request."""
        return set(self.reachable(self.inputs(sorted(self.operations))))

    @functools.cached_property
    def decoded(self):
        return self.reachable(self.inputs(self.handled))

    @functools.cached_property
    def ruled(self):
        """Decoded shapes whose values pass through a Reader: all but payloads that are taken as they are."""
        names = set()
        for name in self.decoded:
            shape = self.shape(name)
            if shape["type"] != "structure":
                names.update(self.references(name))
                continue
            for member, info in shape["members"].items():
                if shape.get("payload") != member or self.kind(info["shape"]) != "blob":
                    names.add(info["shape"])
        return names

    @functools.cached_property
    def encoded(self):
        return self.reachable(self.outputs(self.handled))

    @functools.cached_property
    def used(self):
        return self.reachable(self.inputs(self.handled) + self.outputs(self.handled))

    def is_recursive(self, name):
        """Whether a value of structure `name` can hold another of the same shape."""
        return name in set(self.reachable(self.references(name)))

    def used_errors(self):
        names = []
        for operation in self.handled:
            info = self.operations[operation]
            names += info.get("errors", []) + [check["error"] for check in info.get("checks", [])]
        return sorted(set(names))

    def pattern_of(self, name):
        return self.shape(name).get("pattern")

    def re2(self, pattern):
        """(accept, refuse): `pattern` as RE2 takes it."""
        entry = self.rewritten.get(pattern)
        if entry:
            return entry["accept"], entry.get("refuse", "")
        rewritten = re.sub(r"\\u(10[0-9A-Fa-f]{4}|10000|[0-9A-Fa-f]{4})", r"\\x{\1}", pattern)
        fault = re2_refuses(rewritten)
        if fault:
            raise ModelError(f"RE2 does not take the pattern {pattern!r} ({fault}): "
                             "add an equivalent to models/patterns.json")
        return rewritten, ""


def re2_refuses(pattern):
    """Why RE2 would refuse `pattern`, or None. Checks what distinguishes RE2 from Java's expressions."""
    plain = re.sub(r"\\.", "x", pattern)
    for look in ("(?=", "(?!", "(?<=", "(?<!", "(?>"):
        if look in plain:
            return f"look-around or atomic group {look}"
    if re.search(r"[*+?}]\+", re.sub(r"\[[^\]]*\]", "x", plain)):
        return "possessive quantifier"
    if re.search(r"(?<!\\)(?:\\\\)*\\[1-9]", pattern):
        return "back-reference"
    for name in re.findall(r"\\[pP]\{(\w+)\}", pattern):
        if not re.fullmatch(r"[LMNPSZC][a-z]?|Greek|Latin|Cyrillic|Han|Hiragana|Katakana", name):
            return f"character class {name}"
    for low, high in re.findall(r"\{(\d+)(?:,(\d*))?\}", re.sub(r"\\[xpP]\{\w+\}", "", pattern)):
        if int(low) > 1000 or (high and int(high) > 1000):
            return "repetition above 1000"
    if "&&" in plain:
        return "character class operation"
    return None


def snake(name):
    """FunctionName -> function_name, KMSKeyArn -> kms_key_arn, CodeSha256 -> code_sha256, S3Bucket -> s3_bucket."""
    out = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    out = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", out)
    out = out.replace("-", "_").replace(".", "_").lower()
    if out in CPP_WORDS:
        out += "_"
    return out


CPP_WORDS = {"default", "operator", "namespace", "class", "new", "delete", "public", "private", "export", "register",
             "template", "this", "union", "int", "long", "double", "float", "bool", "char", "short", "signed",
             "unsigned", "void", "auto", "const", "static", "struct", "switch", "case", "continue", "break", "return",
             "if", "else", "for", "while", "do", "goto", "enum", "try", "catch", "throw", "explicit", "friend",
             "inline", "mutable", "typename", "using", "virtual", "volatile", "concept", "requires", "and", "or", "not"}


def constant(text):
    """The part of a constant's name an enum value gives: python3.12 -> Python3_12, x86_64 -> X86_64, ALL -> All."""
    words = [w for w in re.split(r"[^A-Za-z0-9]+", text) if w]
    out = ""
    for word in words:
        if word.isupper() and len(word) > 1 and not any(c.isdigit() for c in word):
            word = word.capitalize()
        else:
            word = word[0].upper() + word[1:]
        out += ("_" if out and out[-1].isdigit() and word[0].isdigit() else "") + word
    return out or "Empty"


def cpp_string(text):
    out = []
    for byte in text.encode("utf-8"):
        c = chr(byte)
        if c in '"\\':
            out.append("\\" + c)
        elif 32 <= byte < 127:
            out.append(c)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out).replace("??", '?\\?') + '"'
