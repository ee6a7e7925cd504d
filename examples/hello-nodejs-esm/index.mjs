const greeting = await Promise.resolve('Hello');

export const handler = async (event, context) => {
  console.log('greeting', event.name);
  return { message: `${greeting}, ${event.name}!`, function: context.functionName };
};
