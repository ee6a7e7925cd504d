"""How failures are reported: the error JSON of AWS's Python runtime, and its form in the log. Imported on demand."""

import time
import traceback

from _hearth_runtime import FaultException

_NO_BREAK_SPACE = "\u00a0"


def describe(exception, request_id, runtime_dir):
    """The error JSON: frames of the runtime itself are left out at the beginning of the stack."""
    if isinstance(exception, FaultException):
        return _error(exception.msg, exception.exception_type, exception.trace, request_id)
    frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(exception.__traceback__)]
    for index, frame in enumerate(frames):
        if not frame[0].startswith(runtime_dir + "/"):
            frames = frames[index:]
            break
    return _error(str(exception), type(exception).__name__, traceback.format_list(frames), request_id)


def _error(message, error_type, stack_trace, request_id):
    return {
        "errorMessage": message or "",
        "errorType": error_type or "",
        "requestId": request_id or "",
        "stackTrace": stack_trace or [],
    }


def text_lines(error):
    """The lines of the log message; leading spaces become no-break spaces, which log viewers keep."""
    first = "[ERROR]"
    if error["errorType"]:
        first += " " + error["errorType"]
    if error["errorMessage"]:
        first += (":" if error["errorType"] else "") + " " + error["errorMessage"]
    lines = [first, "Traceback (most recent call last):"]
    for element in error["stackTrace"]:
        for line in element.splitlines() or [""]:
            text = line.lstrip(" ")
            lines.append(_NO_BREAK_SPACE * (len(line) - len(text)) + text)
    return lines


def json_line(error, marshaller):
    record = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()), "level": "ERROR"}
    record.update(error)
    return marshaller.encode(record).decode("utf-8")
