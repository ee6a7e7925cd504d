"""The root logger as AWS's runtime sets it up: one handler, text or JSON, writing to the log sink. See LoggingHook."""

import json
import time
import traceback

_TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"

# Attributes of a LogRecord that are not what a caller passed as `extra`.
_RECORD_MEMBERS = frozenset(
    (
        "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno funcName created"
        " msecs relativeCreated thread threadName processName process taskName aws_request_id tenant_id _frame_type"
    ).split()
)

_LEVEL_BITS = {0: 0, 10: 0x08, 20: 0x0C, 30: 0x10, 40: 0x14, 50: 0x18}


def _round_level(level):
    return min(50, max(0, level)) // 10 * 10


def set_up(logging, state):
    class LambdaLoggerFilter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = state.request_id or ""
            record.tenant_id = state.tenant_id
            return True

    class LambdaLoggerHandler(logging.Handler):
        def __init__(self):
            super().__init__()
            self.log_sink = state.sink

        def emit(self, record):
            text = self.format(record)
            frame_type = None
            if state.json_logs:
                frame_type = 0xA55A0002 | _LEVEL_BITS[_round_level(record.levelno)]
            elif state.log_level:
                frame_type = 0xA55A0003 | _LEVEL_BITS[_round_level(record.levelno)]
            self.log_sink.log(text, frame_type)

    class JsonFormatter(logging.Formatter):
        def format(self, record):
            record.levelno = _round_level(record.levelno)
            record.levelname = logging.getLevelName(record.levelno)
            members = {
                "timestamp": "%s.%03dZ"
                % (time.strftime(_TIME_FORMAT, time.gmtime(record.created)), record.created * 1000 % 1000),
                "level": record.levelname,
                "message": record.getMessage(),
                "logger": record.name,
            }
            if record.exc_info:
                members["stackTrace"] = traceback.format_tb(record.exc_info[2])
                members["errorType"] = record.exc_info[0].__name__ if record.exc_info[0] else None
                members["errorMessage"] = str(record.exc_info[1])
            members["requestId"] = getattr(record, "aws_request_id", None)
            if record.exc_info:
                members["location"] = "%s:%s:%s" % (record.pathname, record.funcName, record.lineno)
            tenant_id = getattr(record, "tenant_id", None)
            if tenant_id is not None:
                members["tenantId"] = tenant_id
            for name, value in record.__dict__.items():
                if name not in _RECORD_MEMBERS and name not in members:
                    members[name] = value
            members = {name: value for name, value in members.items() if value is not None}
            return json.dumps(members, ensure_ascii=False) + "\n"

    logging.Formatter.converter = time.gmtime
    handler = LambdaLoggerHandler()
    if state.json_logs:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter(_TEXT_FORMAT, _TIME_FORMAT))
    handler.addFilter(LambdaLoggerFilter())
    root = logging.getLogger()
    if state.log_level in logging._nameToLevel:
        root.setLevel(state.log_level)
    root.addHandler(handler)
