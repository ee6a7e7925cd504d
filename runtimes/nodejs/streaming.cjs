'use strict';
// Handlers made by awslambda.streamifyResponse: what they write is collected and sent when the stream has ended.

const { Writable } = require('stream');
const errors = require('./errors.cjs');

const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response';

// The stream given to a handler.
class ResponseStream extends Writable {
  constructor() {
    super({ decodeStrings: true });
    this.chunks = [];
    this.contentType = 'application/octet-stream';
    this.started = false;
  }

  setContentType(type) {
    if (this.started) throw new errors.InvalidStreamingOperation('Cannot set content-type, too late.');
    this.contentType = type;
  }

  write(chunk, encoding, callback) {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) chunk = JSON.stringify(chunk);
    if (!this.started) {
      this.started = true;
      if (typeof this._onBeforeFirstWrite === 'function') this._onBeforeFirstWrite((data) => super.write(data));
    }
    return super.write(chunk, encoding, callback);
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === 'function') return super.end(chunk);
    if (chunk !== undefined && chunk !== null) this.write(chunk, encoding);
    return super.end(callback);
  }

  _write(chunk, _encoding, callback) {
    this.chunks.push(chunk);
    callback();
  }
}

// Puts status code and headers, as JSON and eight zero bytes, before the body.
class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType(PRELUDE_TYPE);
    const text = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(text);
      write(new Uint8Array(8));
    };
    return stream;
  }
}

function handler({ api, handler: userHandler, begin, contextMembers, post, postFailure }) {
  return async (next, { headers, body }) => {
    const requestId = begin(headers);
    const stream = new ResponseStream();
    const finished = new Promise((resolve, reject) => stream.once('finish', resolve).once('error', reject));
    finished.catch(() => {});
    try {
      const result = userHandler(JSON.parse(body.toString()), stream, contextMembers(headers));
      if (typeof result?.then !== 'function') throw new Error('Streaming does not support non-async handlers.');
      if ((await result) !== undefined) console.warn('Streaming handlers ignore return values.');
      if (!stream.writableEnded) throw new Error('Response stream is not finished.');
      await finished;
    } catch (error) {
      postFailure(requestId, error, next);
      return;
    }
    post(api.postResponse(requestId, Buffer.concat(stream.chunks), stream.contentType), next);
  };
}

module.exports = { handler, HttpResponseStream };
