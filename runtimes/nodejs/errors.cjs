'use strict';
// Errors that the platform names, and the forms in which errors are reported and logged.

class ImportModuleError extends Error {}
class HandlerNotFound extends Error {}
class MalformedHandlerName extends Error {}
class UserCodeSyntaxError extends Error {}
class MalformedStreamingHandler extends Error {}
class InvalidStreamingOperation extends Error {}
class JSONStringifyError extends Error {}
class NodeJsExit extends Error {
  constructor() {
    super(
      'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise ' +
        'that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes',
    );
  }
}
class CallbackHandlerDeprecated extends Error {
  constructor() {
    super(
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need ' +
        'to modify this function to use a supported handler signature to use Node.js 24 or later. For more ' +
        'information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.',
    );
  }
}
class UnhandledPromiseRejection extends Error {
  constructor(reason, promise) {
    super(reason);
    this.reason = reason;
    this.promise = promise;
  }
}

const named = {
  ImportModuleError,
  HandlerNotFound,
  MalformedHandlerName,
  UserCodeSyntaxError,
  MalformedStreamingHandler,
  InvalidStreamingOperation,
  JSONStringifyError,
  NodeJsExit,
  CallbackHandlerDeprecated,
  UnhandledPromiseRejection,
};
for (const [name, type] of Object.entries(named)) type.prototype.name = `Runtime.${name}`;

function intoError(error) {
  return error instanceof Error ? error : new Error(error);
}

const text = (value) => value && value.replace(/\x7f/g, '%7F');

function looksLikeError(value) {
  return (
    value &&
    ['name', 'message', 'stack'].every((member) => typeof value[member] === 'string' && value[member] !== '')
  );
}

// The error JSON of the Runtime API.
function toReport(error) {
  try {
    if (error instanceof Error || require('util').types.isNativeError(error) || looksLikeError(error)) {
      return {
        errorType: text(error.name),
        errorMessage: text(error.message),
        trace: text(error.stack).split('\n'),
      };
    }
    return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
  } catch (_) {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, ' +
        'name, and stack',
    };
  }
}

// What a log line shows of an error: a tab, then JSON with the members that are not enumerable made visible.
function toLogText(error) {
  try {
    return '\t' + JSON.stringify(error, (_key, value) => withAllMembers(value));
  } catch (_) {
    return '\t' + JSON.stringify(toReport(error));
  }
}

function withAllMembers(value) {
  if (!(value instanceof Error)) return value;
  const members = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
  if (typeof value.stack === 'string') members.stack = value.stack.split('\n');
  return members;
}

// The JSON of a result.
function serialize(value, modern) {
  let json;
  try {
    json = JSON.stringify(value === undefined ? null : value);
  } catch (_) {
    throw new (modern ? JSONStringifyError : Error)('Unable to stringify response body');
  }
  return json === undefined ? 'null' : json;
}

module.exports = { ...named, intoError, toReport, toLogText, serialize };
