exports.handler = (event, context, callback) => {
  console.log('greeting', event.name);
  callback(null, { message: `Hello, ${event.name}!`, function: context.functionName });
};
