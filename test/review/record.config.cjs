/** Records the plans of test/review/plans: `npx jest -c test/review/record.config.cjs`, never part of `npm test`. */
const suite = require("../../jest.config.js");
module.exports = {
  ...suite,
  rootDir: "../..",
  testMatch: ["<rootDir>/test/review/record.scenario.ts"],
  testTimeout: 600_000,
};
