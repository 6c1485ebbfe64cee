/** The longest scenarios first, so that two machines end together, and first of all what nobody has measured. */
const { basename } = require("node:path");
const { default: Sequencer } = require("@jest/test-sequencer");
const { longestFirst } = require("./scenarios.json");

module.exports = class extends Sequencer {
  sort(tests) {
    const place = ({ path }) => longestFirst.indexOf(basename(path, ".scenario.ts"));
    return [...tests].sort((one, other) => place(one) - place(other));
  }
};
