/** Scenarios on a booted machine: `npm run test:machine`, never part of `npm test`. */
const suite = require("../../jest.config.js");
module.exports = {
  ...suite,
  rootDir: "../..",
  testMatch: ["<rootDir>/test/machine/*.scenario.ts"],
  testPathIgnorePatterns: ["/node_modules/"],
  testSequencer: "<rootDir>/test/machine/sequencer.cjs",
  reporters: ["default", "<rootDir>/test/machine/reporter.cjs"],
  // Minutes, not seconds: the processor is emulated.
  testTimeout: 1_800_000,
};
