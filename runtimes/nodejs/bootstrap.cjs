'use strict';
// Entry point of the Node.js runtime: sets up the console, loads the handler, then serves invocation after invocation.
//
// Up to nodejs22.x handlers may answer by callback, by context.succeed/fail/done, or by promise, and an answer by
// callback waits for an empty event loop. From nodejs24.x on only promises and plain values count, as on AWS.

const { RuntimeApi } = require('./runtime_api.cjs');
const log = require('./console.cjs');
const errors = require('./errors.cjs');

const declared = /^AWS_Lambda_nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV || '');
const major = Number(declared ? declared[1] : process.versions.node.split('.')[0]);
const modern = major >= 24;

log.patchConsole();

// global.gc, as with --expose-gc; the flag itself would make V8 refuse its code cache, which costs 6 ms at every start.
function setGc(value) {
  Object.defineProperty(globalThis, 'gc', { value, writable: true, configurable: true, enumerable: false });
}
Object.defineProperty(globalThis, 'gc', {
  get() {
    require('v8').setFlagsFromString('--expose-gc');
    setGc(require('vm').runInNewContext('gc'));
    return globalThis.gc;
  },
  set: setGc,
  configurable: true,
  enumerable: false,
});

const api = new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API || '127.0.0.1:9001');

// What becomes of an error that nobody caught: before the first invocation an init error, later that of the last one.
const uncaught = { requestId: undefined };

function die(error, exitCode) {
  const report = errors.toReport(error);
  const body = errors.serialize(report, modern);
  const sent =
    uncaught.requestId === undefined
      ? api.postInitError(body, report.errorType)
      : api.postError(uncaught.requestId, body, report.errorType);
  sent.then(
    () => process.exit(exitCode),
    (e) => {
      process.stderr.write(`hearth: the error could not be reported: ${e && e.message}\n`);
      process.exit(exitCode);
    },
  );
}

process.on('uncaughtException', (error) => {
  log.logError('Uncaught Exception', error);
  die(error, 129);
});
process.on('unhandledRejection', (reason, promise) => {
  const error = new errors.UnhandledPromiseRejection(reason, promise);
  log.logError('Unhandled Promise Rejection', error);
  die(error, 128);
});

// The one action to take when the event loop runs empty.
let onIdle = null;
process.on('beforeExit', () => {
  const action = onIdle;
  if (action) action();
});

function lost(error) {
  process.stderr.write(`hearth: the runtime lost the Runtime API: ${error && error.message}\n`);
  process.exit(1);
}

// Answers are posted, never awaited by the handler; a lost connection ends the process.
function post(sending, then) {
  sending.then(then, lost);
}

function parseHeader(text, name) {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error.toString()}`);
  }
}

// The members of the context that come from the request's headers and the environment.
function contextMembers(headers) {
  const env = process.env;
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parseHeader(headers['lambda-runtime-client-context'], 'ClientContext'),
    identity: parseHeader(headers['lambda-runtime-cognito-identity'], 'CognitoIdentity'),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function isPromise(value) {
  return value && value.then && typeof value.then === 'function';
}

function begin(headers) {
  const requestId = headers['lambda-runtime-aws-request-id'];
  log.setInvocation(requestId, headers['lambda-runtime-aws-tenant-id']);
  uncaught.requestId = requestId;
  const traceId = headers['lambda-runtime-trace-id'];
  if (traceId) process.env._X_AMZN_TRACE_ID = traceId;
  else delete process.env._X_AMZN_TRACE_ID;
  return requestId;
}

function postFailure(requestId, error, then) {
  log.logError('Invoke Error', error);
  const report = errors.toReport(error);
  post(api.postError(requestId, errors.serialize(report, modern), report.errorType), then);
}

// ---- nodejs18.x to nodejs22.x ----

// The callback and the context functions of one invocation; only the first that is called counts.
function answers(requestId, next) {
  let completed = false;
  let waitForEmptyEventLoop = true;

  const complete = (result) => {
    if (completed) {
      console.error(
        'Invocation has already been reported as done. Cannot call complete more than once per invocation.',
      );
      return;
    }
    completed = true;
    post(api.postResponse(requestId, errors.serialize(result, modern)), next);
  };
  const callback = (error, result) => {
    onIdle = null;
    if (error !== undefined && error !== null) {
      postFailure(requestId, error, next);
    } else if (!waitForEmptyEventLoop) {
      complete(result);
    } else {
      onIdle = () => {
        onIdle = null;
        setImmediate(() => complete(result));
      };
    }
  };
  const done = (error, result) => {
    onIdle = null;
    if (error !== undefined && error !== null) postFailure(requestId, error, next);
    else complete(result);
  };

  let finished = false;
  const once = (f) =>
    function (...args) {
      if (finished) return;
      f(...args);
      finished = true;
    };
  const context = {
    get callbackWaitsForEmptyEventLoop() {
      return waitForEmptyEventLoop;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waitForEmptyEventLoop = value;
    },
    succeed: once((result) => done(null, result)),
    fail: once((error) => done(error === undefined || error === null ? 'handled' : error, null)),
    done: once(done),
  };
  return { callback: once(callback), context, markCompleted: () => (completed = true) };
}

function handleByCallback(handler, isAsync, next, { headers, body }) {
  const requestId = begin(headers);
  const { callback, context, markCompleted } = answers(requestId, next);
  // The loop ran empty without an answer: null for a handler with callbacks, an error for an async one.
  onIdle = () => {
    onIdle = null;
    markCompleted();
    if (isAsync) postFailure(requestId, new errors.NodeJsExit(), next);
    else post(api.postResponse(requestId, 'null'), next);
  };
  try {
    const result = handler(JSON.parse(body.toString()), Object.assign(context, contextMembers(headers)), callback);
    if (isPromise(result)) result.then(context.succeed, context.fail).catch(context.fail);
  } catch (error) {
    callback(error);
  }
}

// ---- nodejs24.x and later ----

async function handleByPromise(handler, next, { headers, body }) {
  const requestId = begin(headers);
  let answer;
  try {
    const result = await handler(JSON.parse(body.toString()), contextMembers(headers));
    answer = errors.serialize(result, modern);
  } catch (error) {
    await new Promise((resolve) => setImmediate(resolve));
    postFailure(requestId, error, next);
    return;
  }
  await new Promise((resolve) => setImmediate(resolve));
  post(api.postResponse(requestId, answer), next);
}

function serve(handler, metadata) {
  const handleOnce = metadata.streaming
    ? require('./streaming.cjs').handler({ api, handler, begin, contextMembers, post, postFailure, modern })
    : modern
      ? (next, request) => handleByPromise(handler, next, request)
      : (next, request) => handleByCallback(handler, metadata.isAsync, next, request);
  const next = () => {
    onIdle = null;
    setImmediate(() => {
      api.next().then((request) => handleOnce(next, request), lost);
    });
  };
  next();
}

async function start() {
  const { load } = require('./loader.cjs');
  const { handler, metadata } = await load(
    process.env.LAMBDA_TASK_ROOT || '/var/task',
    process.env._HANDLER || '',
    major,
  );
  if (metadata.argsNum >= 3 && !metadata.streaming && modern) throw new errors.CallbackHandlerDeprecated();
  serve(handler, metadata);
}

start().catch((error) => {
  log.logError('Uncaught Exception', error);
  die(error, 129);
});
