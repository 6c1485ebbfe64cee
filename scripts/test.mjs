/** `npm test`: prepares a fresh clone, runs the whole suite, or what the arguments name, and closes with one line of counts. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, prepare, root } from "./prepare.mjs";

prepare();
const folder = mkdtempSync(join(tmpdir(), "passthrough-test-"));
const report = join(folder, "report.json");
const jest = join(root, "node_modules", "jest", "bin", "jest.js");
spawnSync(process.execPath, [jest, "--json", `--outputFile=${report}`, ...process.argv.slice(2)], {
  cwd: root,
  // The report goes to the file; what a person reads goes to stderr.
  stdio: ["ignore", "ignore", "inherit"],
});
const counts = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : null;
rmSync(folder, { recursive: true });
if (counts === null) fail("Jest ended without a report.");

// A suite that does not load is a failure, and so is a skipped test: nothing is left out without a word.
if (counts.numPendingTests > 0) console.log(`${counts.numPendingTests} tests were skipped`);
const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites + counts.numPendingTests;
// What whoever calls this has already seen pass and fail, and has to say.
const before = (result) => Number(process.env[`${result}_CHECKS`] ?? 0);
if (process.env["CHECKS_NOTE"]) console.log(process.env["CHECKS_NOTE"]);
const allFailed = failed + before("FAILED");
console.log(`${counts.numPassedTests + before("PASSED")} passed, ${allFailed} failed`);
process.exit(counts.success && allFailed === 0 ? 0 : 1);
