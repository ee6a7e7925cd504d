'use strict';
// The console as AWS's runtime patches it: every message one log event with time, request id and level.
//
// With _LAMBDA_TELEMETRY_LOG_FD messages go there as frames (big-endian: type 4 bytes, length 4, microseconds 8,
// text), so that lines of one message stay together; without, to standard output with newlines as carriage returns.

const fs = require('fs');
const { format } = require('util');
const errors = require('./errors.cjs');

const LEVELS = {
  TRACE: { name: 'TRACE', priority: 1, bits: 0x04 },
  DEBUG: { name: 'DEBUG', priority: 2, bits: 0x08 },
  INFO: { name: 'INFO', priority: 3, bits: 0x0c },
  WARN: { name: 'WARN', priority: 4, bits: 0x10 },
  ERROR: { name: 'ERROR', priority: 5, bits: 0x14 },
  FATAL: { name: 'FATAL', priority: 6, bits: 0x18 },
};
const TEXT_FRAME = 0xa55a0003;
const JSON_FRAME = 0xa55a0002;

let requestId;
let tenantId;
let jsonLogs = false;

// A full pipe only means that the reader is behind.
function writeAll(fd, bytes) {
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += fs.writeSync(fd, bytes, offset);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function writeFrame(fd, type, date, message) {
  const length = Buffer.byteLength(message);
  const frame = Buffer.allocUnsafe(16 + length);
  frame.writeUInt32BE(type >>> 0, 0);
  frame.writeUInt32BE(length, 4);
  frame.writeBigUInt64BE(BigInt(date.valueOf()) * 1000n, 8);
  frame.write(message, 16);
  writeAll(fd, frame);
}

function errorMembers(error) {
  return {
    errorType: error?.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof error.stack === 'string' ? error.stack.split('\n') : error.stack,
  };
}

function jsonMessage(time, level, params) {
  const record = { timestamp: time, level: level.name, requestId };
  if (tenantId) record.tenantId = tenantId;
  if (params.length === 1) {
    record.message = params[0];
    try {
      return JSON.stringify(record, (_key, value) =>
        value instanceof Error ? Object.assign(errorMembers(value), value) : value,
      );
    } catch (_) {
      record.message = format(record.message);
      return JSON.stringify(record);
    }
  }
  record.message = format(...params);
  const error = params.find((param) => param instanceof Error);
  if (error) Object.assign(record, errorMembers(error));
  return JSON.stringify(record);
}

function patchConsole() {
  jsonLogs = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';
  const fdText = process.env._LAMBDA_TELEMETRY_LOG_FD;
  delete process.env._LAMBDA_TELEMETRY_LOG_FD;
  const fd = fdText === undefined ? -1 : Number(fdText);

  const write = (level, params) => {
    const date = new Date();
    const time = date.toISOString();
    const message = jsonLogs
      ? jsonMessage(time, level, params)
      : `${time}\t${requestId}\t${level.name}\t${format(...params)}`;
    if (fd >= 0) {
      if (jsonLogs) writeFrame(fd, JSON_FRAME | level.bits, date, message);
      else writeFrame(fd, TEXT_FRAME | level.bits, date, message + '\n');
    } else {
      process.stdout.write(message.replace(/\n/g, '\r') + '\n');
    }
  };

  const least = LEVELS[process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()] ?? LEVELS.TRACE;
  const nothing = () => {};
  const logger = (level) =>
    level.priority >= least.priority ? (message, ...params) => write(level, [message, ...params]) : nothing;
  console.trace = logger(LEVELS.TRACE);
  console.debug = logger(LEVELS.DEBUG);
  console.info = logger(LEVELS.INFO);
  console.log = console.info;
  console.warn = logger(LEVELS.WARN);
  console.error = logger(LEVELS.ERROR);
  console.fatal = logger(LEVELS.FATAL);
}

// `current`: undefined before the first invocation.
function setInvocation(current, tenant) {
  requestId = current;
  tenantId = tenant;
}

function logError(message, error) {
  if (jsonLogs) console.error(errors.intoError(error));
  else console.error(message, errors.toLogText(errors.intoError(error)));
}

module.exports = { patchConsole, setInvocation, logError };
