'use strict';
// RuntimeApi: HTTP over one kept-alive socket, without the cost of Node's http module.
//
// The socket counts for the event loop only while an answer is awaited, so that a handler's own work alone decides
// when the loop is empty. One exchange at a time; an exchange begun during another one gets a socket of its own.

const net = require('net');

const PREFIX = '/2018-06-01/runtime/';
const MAX_HEAD = 1 << 20;
// From this size on a body may be refused before it was read to the end, its connection reset.
const LARGE_BODY = 65536;

class RuntimeApiError extends Error {}

// One socket and the exchange in progress on it.
class Connection {
  constructor(host, port) {
    this.pending = null;
    this.chunks = [];
    this.size = 0;
    this.head = null;
    this.used = false;
    this.socket = net.connect({ host, port, noDelay: true });
    this.socket.on('data', (chunk) => this.onData(chunk));
    this.socket.on('error', (error) => this.onGone(error));
    this.socket.on('close', () => this.onGone(new Error('the Runtime API closed the connection')));
  }

  get open() {
    return !this.socket.destroyed;
  }

  exchange(head, body) {
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject, mayBeRefused: body.length >= LARGE_BODY };
      this.socket.ref();
      if (typeof body === 'string') {
        this.socket.write(head + body);
      } else {
        this.socket.cork();
        this.socket.write(head);
        this.socket.write(body);
        this.socket.uncork();
      }
    });
  }

  onGone(error) {
    this.socket.destroy();
    if (!this.pending) return;
    const { resolve, reject, mayBeRefused } = this.pending;
    this.pending = null;
    if (mayBeRefused && (error.code === 'EPIPE' || error.code === 'ECONNRESET')) {
      resolve({ status: 0, headers: {}, body: 'The Runtime API closed the connection.' });
    } else {
      reject(error);
    }
  }

  onData(chunk) {
    if (!this.pending) {
      this.onGone(new Error('unexpected data'));
      return;
    }
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.head === null) {
      const data = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks);
      const end = data.indexOf('\r\n\r\n');
      if (end < 0) {
        this.chunks = [data];
        if (data.length > MAX_HEAD) this.onGone(new RuntimeApiError('the Runtime API sent an endless reply head'));
        return;
      }
      try {
        this.head = parseHead(data.toString('utf8', 0, end));
      } catch (error) {
        this.onGone(error);
        return;
      }
      const rest = data.subarray(end + 4);
      this.chunks = [rest];
      this.size = rest.length;
    }
    if (this.size < this.head.length) return;
    const body = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
    const reply = { status: this.head.status, headers: this.head.headers, body: body.subarray(0, this.head.length) };
    const { resolve } = this.pending;
    this.pending = null;
    this.chunks = [];
    this.size = 0;
    this.head = null;
    this.used = true;
    this.socket.unref();
    if (reply.headers.connection === 'close') this.socket.destroy();
    resolve(reply);
  }
}

function parseHead(text) {
  const lines = text.split('\r\n');
  const headers = {};
  for (let i = 1; i < lines.length; i++) {
    const colon = lines[i].indexOf(':');
    headers[lines[i].slice(0, colon).toLowerCase()] = lines[i].slice(colon + 1).trim();
  }
  if (headers['transfer-encoding'] !== undefined) {
    throw new RuntimeApiError('the Runtime API sent a reply without Content-Length');
  }
  return { status: Number(lines[0].slice(9, 12)), headers, length: Number(headers['content-length'] || 0) };
}

// What may stand in a header: an error can have any name.
function headerValue(text) {
  return String(text).replace(/[^\x20-\x7e]/g, '?');
}

class RuntimeApi {
  constructor(address) {
    const colon = address.lastIndexOf(':');
    this.host = address.slice(0, colon);
    this.port = Number(address.slice(colon + 1));
    this.hostHeader = ` HTTP/1.1\r\nHost: ${address}\r\n`;
    this.nextHead = `GET ${PREFIX}invocation/next${this.hostHeader}\r\n`;
    this.connection = null;
  }

  async exchange(head, body = '') {
    let connection = this.connection;
    if (connection && connection.pending) {
      connection = new Connection(this.host, this.port);
      return connection.exchange(head, body).finally(() => connection.socket.destroy());
    }
    if (!connection || !connection.open) {
      this.connection = connection = new Connection(this.host, this.port);
    }
    const reused = connection.used;
    try {
      return await connection.exchange(head, body);
    } catch (error) {
      if (!reused || error instanceof RuntimeApiError) throw error;
    }
    // The kept connection had died: once more on a new one.
    this.connection = connection = new Connection(this.host, this.port);
    return connection.exchange(head, body);
  }

  async next() {
    const reply = await this.exchange(this.nextHead);
    if (reply.status !== 200) {
      throw new RuntimeApiError(`the Runtime API refused the next invocation: ${reply.status} ${reply.body}`);
    }
    return reply;
  }

  async post(what, path, body, headers) {
    const head =
      `POST ${PREFIX}${path}${this.hostHeader}${headers}` + `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    const reply = await this.exchange(head, body);
    if (reply.status !== 202) {
      process.stderr.write(
        `[ERROR] [${Date.now()}] LAMBDA_RUNTIME Failed to post ${what}. ` +
          `Http response code: ${reply.status}. ${reply.body}\n`,
      );
    }
  }

  // `body`: a string, or a Buffer with its own content type.
  postResponse(requestId, body, contentType = 'application/json') {
    const path = `invocation/${encodeURIComponent(requestId)}/response`;
    return this.post('handler success response', path, body, `Content-Type: ${headerValue(contentType)}\r\n`);
  }

  postError(requestId, body, errorType) {
    const path = `invocation/${encodeURIComponent(requestId)}/error`;
    return this.post('handler error response', path, body, errorHeaders(errorType));
  }

  postInitError(body, errorType) {
    return this.post('initialization error', 'init/error', body, errorHeaders(errorType));
  }
}

function errorHeaders(errorType) {
  return (
    'Content-Type: application/vnd.aws.lambda.error+json\r\n' +
    `Lambda-Runtime-Function-Error-Type: ${headerValue(errorType)}\r\n`
  );
}

module.exports = { RuntimeApi, RuntimeApiError };
