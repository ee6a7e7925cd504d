'use strict';
// Finds the handler: "folder/file.export.nested" below the task root, as CommonJS or as an ES module.

const fs = require('fs');
const path = require('path');
const errors = require('./errors.cjs');

const Module = require('module');

// ES modules, which know no NODE_PATH, find layers and the SDK in these two folders. `require` has NODE_PATH, in AWS's
// order, which these would come before.
const FOR_ES_MODULES = new Set(['/var/node_modules', '/node_modules']);
const foldersAbove = Module._nodeModulePaths;
Module._nodeModulePaths = (from) => foldersAbove(from).filter((folder) => !FOR_ES_MODULES.has(folder));

// Where no such folders can be made, because nothing can be mounted, ES modules look through NODE_PATH after all (from
// Node.js 22.15 on).
function lookThroughNodePath() {
  const folders = (process.env.NODE_PATH || '').split(':').filter((folder) => folder.endsWith('/node_modules'));
  const { pathToFileURL } = require('url');
  Module.registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|^\w+:/.test(specifier)) throw error;
        for (const folder of folders) {
          try {
            return next(specifier, { ...context, parentURL: pathToFileURL(path.dirname(folder) + '/index.mjs').href });
          } catch (another) {
            if (another.code !== 'ERR_MODULE_NOT_FOUND') throw another;
          }
        }
        throw error;
      }
    },
  });
}
if (Module.registerHooks && (process.env.LAMBDA_TASK_ROOT || '/var/task') !== '/var/task') lookThroughNodePath();

// Modules are looked up from where AWS's own runtime lives, which also shows in "Require stack" messages.
const requireUser = Module.createRequire('/var/runtime/index.mjs');

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

// Whether .js files in `folder` are ES modules: what the nearest package.json says.
function isModuleFolder(folder) {
  for (;;) {
    if (folder.endsWith('/node_modules')) return false;
    const file = path.join(folder, 'package.json');
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8'))?.type === 'module';
      } catch (error) {
        console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error);
        return false;
      }
    }
    if (folder === '/') return false;
    folder = path.dirname(folder);
  }
}

async function loadModule(appRoot, moduleRoot, name, major) {
  const stem = path.resolve(appRoot, moduleRoot, name);
  const asModule = isModuleFolder(path.dirname(stem));
  const byRequire = (file) => requireUser(file);
  const byImport = (file) => import(require('url').pathToFileURL(file).href);
  const candidates = [
    ['', byRequire],
    ['.js', asModule ? byImport : byRequire],
    ['.mjs', byImport],
    ['.cjs', byRequire],
  ];
  if (major >= 24) {
    candidates.push(['.ts', asModule ? byImport : byRequire], ['.mts', byImport], ['.cts', byRequire]);
  }
  for (const [extension, load] of candidates) {
    const file = stem + extension;
    if (fs.existsSync(file) && !(extension === '' && fs.statSync(file).isDirectory() && !isPackage(file))) {
      return load(file);
    }
  }
  return requireUser(requireUser.resolve(name, { paths: [appRoot, moduleRoot] }));
}

// A folder is a module only with an entry file; otherwise "app/" beside "app.js" would hide the handler.
function isPackage(folder) {
  return ['package.json', 'index.js', 'index.json', 'index.node'].some((name) =>
    fs.existsSync(path.join(folder, name)),
  );
}

function splitHandler(handler) {
  if (handler.includes('..')) {
    throw new errors.MalformedHandlerName(
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const last = path.basename(handler);
  const match = /^([^.]*)\.(.*)$/.exec(last);
  if (!match) throw new errors.MalformedHandlerName('Bad handler');
  return { moduleRoot: handler.slice(0, handler.indexOf(last)), name: match[1], property: match[2] };
}

function setGlobals() {
  const disabled = process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA;
  if (disabled === '1' || disabled === 'true') return;
  globalThis.awslambda = {
    streamifyResponse: (handler, options) => {
      handler[STREAMING] = 'response';
      if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
      return handler;
    },
    get HttpResponseStream() {
      return require('./streaming.cjs').HttpResponseStream;
    },
  };
}

// The handler and how it wants to be called. Rejects with an error of errors.cjs or the user's own.
async function load(appRoot, handler, major) {
  const { moduleRoot, name, property } = splitHandler(handler);
  setGlobals();
  let exported;
  try {
    exported = await loadModule(appRoot, moduleRoot, name, major);
  } catch (error) {
    if (error instanceof SyntaxError) {
      const wrapped = new errors.UserCodeSyntaxError(String(error));
      wrapped.stack = error.stack;
      throw wrapped;
    }
    if (error?.code === 'MODULE_NOT_FOUND') throw new errors.ImportModuleError(String(error));
    throw error;
  }
  const found = property.split('.').reduce((value, key) => value && value[key], exported);
  if (!found) throw new errors.HandlerNotFound(`${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw new errors.HandlerNotFound(`${handler} is not a function`);
  const streaming = found[STREAMING];
  if (streaming && streaming !== 'response') {
    throw new errors.MalformedStreamingHandler('Only response streaming is supported.');
  }
  return {
    handler: found,
    metadata: {
      streaming: Boolean(streaming),
      isAsync: found.constructor?.name === 'AsyncFunction',
      argsNum: found.length,
    },
  };
}

module.exports = { load };
