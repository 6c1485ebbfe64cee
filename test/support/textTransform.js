/** Lets a test import a script, a .proto or a part of a page as text, as the bundler does. */
module.exports = {
  process: (text) => ({ code: `module.exports = ${JSON.stringify(text)};` }),
};
