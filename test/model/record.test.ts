import { legibleRecord, parseRecord } from "../../lib/model/record";

test.each([
  ["{", /record\.json on the host is not JSON .*preimages/],
  ["null", /is no record/],
  ["7", /is no record/],
  ['{"version": 2}', /has version 2; this package knows version 1\. Update the package/],
  ["[]", /has version undefined/],
  [
    '{"version": 1, "owner": "a", "boot": {}}',
    /lacks digest, build, departed, hostDrivers, files\. Restore it/,
  ],
])("%j is told with what to do, and is nothing to those who only look", (text, words) => {
  expect(() => parseRecord(text)).toThrow(words);
  expect(legibleRecord(text)).toBeNull();
});

test.each([null, "", " \n"])("%j is no record at all", (text) => {
  expect(parseRecord(text)).toBeNull();
});
