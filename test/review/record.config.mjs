/** Records the plans of test/review/plans: `npx jest -c test/review/record.config.mjs`, never part of `npm test`. */
import suite from "../../jest.config.js";

export default {
  ...suite,
  rootDir: "../..",
  testMatch: ["<rootDir>/test/review/record.scenario.ts"],
  testTimeout: 600_000,
};
