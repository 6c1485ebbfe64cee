/** Lets a test import a script or a .proto as text, as the bundler does. */
module.exports = {
  process: (text) => ({ code: `module.exports = ${JSON.stringify(text)};` }),
};
