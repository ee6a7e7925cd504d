"""The Python runtime client: asks the Runtime API for invocations and runs the handler.

Start-up time is the point of this file's shape: it talks HTTP over a bare `_socket`, and what most functions never
need (logging, traceback, the SDK) is imported when it is first used. Start: bootstrap.py. Sockets and frames:
_hearth_io.py. Errors: _hearth_errors.py. Logging: _hearth_logging.py.
"""

import builtins
import importlib
import json
import os
import sys
import time

from _hearth_io import JSON_FRAME, TEXT_FRAME, RuntimeApi, RuntimeApiError, open_sink

_ERROR_LEVEL_BITS = 0x14  # level 5 of the frame's level field, which starts at bit 2


class FaultException(Exception):
    """A failure that the platform names: its type is one of AWS's `Runtime.X` strings."""

    def __init__(self, exception_type, msg, trace=None):
        super().__init__(msg)
        self.exception_type = exception_type
        self.msg = msg
        self.trace = trace


class RuntimeState:
    """What is known beyond one invocation, and what logging needs to know about the one in progress."""

    __slots__ = ("request_id", "tenant_id", "json_logs", "log_level", "sink", "function_members")

    def __init__(self):
        self.request_id = None
        self.tenant_id = None
        self.json_logs = (os.environ.get("AWS_LAMBDA_LOG_FORMAT") or "").upper() == "JSON"
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL") or ""
        self.log_level = {"TRACE": "DEBUG"}.get(level.upper(), level.upper())
        self.sink = None
        # The members of the context that are the same for every invocation.
        self.function_members = {
            "log_group_name": os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME"),
            "log_stream_name": os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            "function_name": os.environ.get("AWS_LAMBDA_FUNCTION_NAME"),
            "memory_limit_in_mb": os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            "function_version": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION"),
        }


# ---- events and results ----------------------------------------------------------------------------------------


class Marshaller:
    """JSON as AWS's runtime writes it: Decimal as a number, bytes as text, from 3.12 on non-ASCII unescaped."""

    def __init__(self, runtime_minor):
        self._encode = json.JSONEncoder(
            ensure_ascii=runtime_minor < 12, allow_nan=False, default=self._encode_other
        ).encode
        self._decimals = 0
        # Decimals must appear digit by digit: they are encoded as marked strings whose marks are then cut out.
        self._mark = None

    def _encode_other(self, value):
        if isinstance(value, bytes):
            return value.decode("utf-8")
        decimal = sys.modules.get("decimal")
        if decimal is not None and isinstance(value, decimal.Decimal):
            if value.is_nan():
                return float("nan")
            if self._mark is None:
                self._mark = os.urandom(16).hex()
            self._decimals += 1
            return self._mark + str(value) + self._mark
        raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)

    def encode(self, value):
        self._decimals = 0
        text = self._encode(value)
        if self._decimals:
            text = text.replace('"' + self._mark, "").replace(self._mark + '"', "")
        return text.encode("utf-8")

    def marshal_response(self, value):
        if isinstance(value, bytes):
            return value, "application/unknown"
        try:
            return self.encode(value), "application/json"
        except Exception as e:
            raise FaultException("Runtime.MarshalError", "Unable to marshal response: %s" % e)

    @staticmethod
    def unmarshal_request(body, content_type):
        if content_type is not None and content_type != "application/json":
            return bytes(body)
        try:
            return json.loads(str(body, "utf-8"))
        except Exception as e:
            raise FaultException("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % e)


def parse_header(text, name):
    if not text:
        return None
    try:
        return json.loads(text)
    except Exception as e:
        raise FaultException("Runtime.LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (name, e))


# ---- the handler -----------------------------------------------------------------------------------------------


def load_handler(handler):
    """The function named by `handler` ("package/module.function")."""
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise FaultException(
            "Runtime.MalformedHandlerName",
            "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % handler,
        )
    try:
        if module_name.split(".")[0] in sys.builtin_module_names:
            raise FaultException(
                "Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name
            )
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as e:
        raise FaultException("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, e))
    except SyntaxError as e:
        raise FaultException(
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module '%s': %s" % (module_name, e),
            ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)],
        )
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise FaultException(
            "Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name)
        )


class Loop:
    """Invocation after invocation, until the process is killed."""

    def __init__(self, api, state, marshaller, runtime_dir):
        self._api = api
        self._state = state
        self._marshaller = marshaller
        self._runtime_dir = runtime_dir

    def load(self, handler_name):
        try:
            return load_handler(handler_name)
        except Exception as e:
            error = self._describe(e, "")
            self._log_error(error)
            sys.stdout.flush()
            self._api.post_init_error(self._marshaller.encode(error), error["errorType"])
            sys.exit(1)

    def run(self, handler):
        api, state = self._api, self._state
        environ = os.environ
        while True:
            headers, body = api.next()
            request_id = headers.get("lambda-runtime-aws-request-id", "")
            state.request_id = request_id
            state.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
            trace_id = headers.get("lambda-runtime-trace-id")
            if trace_id:
                environ["_X_AMZN_TRACE_ID"] = trace_id
            else:
                environ.pop("_X_AMZN_TRACE_ID", None)
            self._handle(handler, request_id, headers, body)
            del headers, body

    def _handle(self, handler, request_id, headers, body):
        try:
            context = LambdaContext(
                request_id,
                parse_header(headers.get("lambda-runtime-client-context"), "Client Context"),
                parse_header(headers.get("lambda-runtime-cognito-identity"), "Cognito Identity"),
                int(headers.get("lambda-runtime-deadline-ms") or 0),
                headers.get("lambda-runtime-invoked-function-arn"),
                self._state,
            )
            event = self._marshaller.unmarshal_request(body, headers.get("content-type"))
            del body
            result, content_type = self._marshaller.marshal_response(handler(event, context))
        except Exception as e:
            error = self._describe(e, request_id)
            # The traceback keeps the handler's locals alive; nothing of this invocation may outlive it.
            e.__traceback__ = None
            del e
            self._log_error(error)
            sys.stdout.flush()
            self._api.post_error(request_id, self._marshaller.encode(error), error["errorType"])
        else:
            sys.stdout.flush()
            self._api.post_response(request_id, result, content_type)

    def _describe(self, exception, request_id):
        import _hearth_errors

        return _hearth_errors.describe(exception, request_id, self._runtime_dir)

    def _log_error(self, error):
        import _hearth_errors

        if self._state.json_logs:
            lines = [_hearth_errors.json_line(error, self._marshaller)]
            self._state.sink.log_error(lines, JSON_FRAME | _ERROR_LEVEL_BITS)
        else:
            self._state.sink.log_error(_hearth_errors.text_lines(error), TEXT_FRAME | _ERROR_LEVEL_BITS)


# ---- the context object ----------------------------------------------------------------------------------------


class LambdaContext(object):
    def __init__(self, request_id, client_context, identity, deadline_ms, function_arn, state):
        self.__dict__.update(state.function_members)
        self.aws_request_id = request_id
        self.invoked_function_arn = function_arn
        self.tenant_id = state.tenant_id
        self.client_context = None
        if client_context is not None:
            self.client_context = ClientContext(client_context)
        self.identity = CognitoIdentity(identity or {})
        self._epoch_deadline_time_in_ms = deadline_ms
        self._sink = state.sink

    def get_remaining_time_in_millis(self):
        return max(self._epoch_deadline_time_in_ms - int(time.time() * 1000), 0)

    def log(self, msg):
        self._sink.log(str(msg))

    def __repr__(self):
        return _repr(
            self,
            (
                "aws_request_id",
                "log_group_name",
                "log_stream_name",
                "function_name",
                "memory_limit_in_mb",
                "function_version",
                "invoked_function_arn",
                "client_context",
                "identity",
                "tenant_id",
            ),
        )


class CognitoIdentity(object):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, members):
        self.cognito_identity_id = members.get("cognitoIdentityId")
        self.cognito_identity_pool_id = members.get("cognitoIdentityPoolId")

    def __repr__(self):
        return _repr(self, self.__slots__)


class Client(object):
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")

    def __init__(self, members):
        for name in self.__slots__:
            setattr(self, name, members.get(name))

    def __repr__(self):
        return _repr(self, self.__slots__)


class ClientContext(object):
    __slots__ = ("custom", "env", "client")

    def __init__(self, members):
        self.custom = members.get("custom")
        self.env = members.get("env")
        client = members.get("client")
        self.client = None if client is None else Client(client)

    def __repr__(self):
        return _repr(self, self.__slots__)


def _repr(value, names):
    members = ",".join("%s=%s" % (name, getattr(value, name)) for name in names)
    return "%s([%s])" % (type(value).__name__, members)


# ---- the interpreter's surroundings ----------------------------------------------------------------------------


class _LoggingHook:
    """Sets up the root logger right after `logging` is first imported: a third of a bare start is not paid before."""

    def __init__(self, state):
        self._state = state

    def find_spec(self, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return spec
        loader, state = spec.loader, self._state
        execute = loader.exec_module

        def execute_and_set_up(module):
            del loader.exec_module
            execute(module)
            if hasattr(module, "getLogger"):
                import _hearth_logging

                _hearth_logging.set_up(module, state)

        loader.exec_module = execute_and_set_up
        return spec


class _SdkFinder:
    """Finds the SDK of the machine's own Python packages, and nothing else of them, after everything else failed."""

    _FOLDER = "/usr/lib/python3/dist-packages"
    _NAMES = frozenset(("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"))
    # What Debian's botocore imports in its turn; AWS has none of it, so nobody else gets it.
    _NEEDED_BY_BOTOCORE = frozenset(("requests", "certifi", "chardet", "charset_normalizer", "idna"))

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in cls._NAMES and not (name in cls._NEEDED_BY_BOTOCORE and "botocore" in sys.modules):
            return None
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name, [cls._FOLDER])


def take_layer_root():
    """Where the content of layers is: the argument after the script's name, which is not for the function's eyes."""
    root = sys.argv[1] if len(sys.argv) > 1 else "/opt"
    del sys.argv[1:]
    return root


def set_up_path(runtime_dir, runtime_name, layer_root):
    """sys.path in AWS's order: the package, layers, the runtime, PYTHONPATH, the standard library."""
    own = "python%d.%d" % sys.version_info[:2]
    path = [os.environ.get("LAMBDA_TASK_ROOT") or "/var/task"]
    for version in (runtime_name, own) if runtime_name != own else (own,):
        path.append("%s/python/lib/%s/site-packages" % (layer_root, version))
    path.append(layer_root + "/python")
    path.append(runtime_dir)
    path += [folder for folder in (os.environ.get("PYTHONPATH") or "").split(":") if folder and folder not in path]
    path += [folder for folder in sys.path if folder not in path]
    sys.path[:] = path
    sys.meta_path.append(_SdkFinder)


def set_up_builtins():
    """What the `site` module would have added, were it not skipped for a faster start."""
    import _sitebuiltins

    eof = "Ctrl-D (i.e. EOF)"
    builtins.exit = _sitebuiltins.Quitter("exit", eof)
    builtins.quit = _sitebuiltins.Quitter("quit", eof)
    builtins.help = _sitebuiltins._Helper()


def runtime_name():
    """The runtime that the function asked for ("python3.12"), which may run on another version."""
    name = os.environ.get("AWS_EXECUTION_ENV") or ""
    if name.startswith("AWS_Lambda_python3."):
        return name[len("AWS_Lambda_") :]
    return "python%d.%d" % sys.version_info[:2]


def main(runtime_dir):
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    sys.stderr.reconfigure(line_buffering=True)
    state = RuntimeState()
    state.sink = open_sink()
    name = runtime_name()
    set_up_path(runtime_dir, name, take_layer_root())
    set_up_builtins()
    if "logging" not in sys.modules:
        sys.meta_path.insert(0, _LoggingHook(state))
    minor = name.rpartition(".")[2]
    marshaller = Marshaller(int(minor) if minor.isdigit() else sys.version_info[1])
    loop = Loop(RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"]), state, marshaller, runtime_dir)
    handler = loop.load(os.environ.get("_HANDLER") or "")
    sys.stdout.flush()
    try:
        loop.run(handler)
    except (OSError, RuntimeApiError) as e:
        sys.stderr.write("hearth: the runtime lost the Runtime API: %s\n" % e)
        sys.exit(1)
