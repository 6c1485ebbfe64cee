import fc from "fast-check";
import { deviceNodes, withDeviceNodes } from "../../lib/model/qemuConf";

const sample = `# Nodes
#cgroup_device_acl = [
#    "/dev/null", "/dev/ptmx",
#    "/dev/userfaultfd", "/dev/vfio/vfio"
#]
#
user = "root"
`;
const ours = ["/dev/vfio/vfio", "/dev/vfio/17"];
const added = (text: string, nodes: readonly string[] = ours) =>
  withDeviceNodes(text, { add: nodes, remove: [] });
const removed = (text: string, nodes: readonly string[] = ours) =>
  withDeviceNodes(text, { add: [], remove: nodes });

describe("a list that is not there", () => {
  test("is started with libvirt's own nodes, those of its sample and those that every guest needs", () => {
    const text = added(sample);
    expect(text.startsWith(sample)).toBe(true);
    expect(deviceNodes(text)).toEqual([
      ...["/dev/null", "/dev/full", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/kvm"],
      "/dev/userfaultfd",
      ...ours,
    ]);
  });

  test.each([
    ["with a sample", sample],
    ["empty", ""],
    ["no line end", "user = 'a'"],
    ["blank lines", "\n\n"],
  ])("goes again, byte for byte: %s", (_, text) => {
    expect(removed(added(text))).toBe(text);
    expect(removed(added(added(text)))).toBe(text);
  });

  test("goes again where somebody only wrote it otherwise", () => {
    expect(removed(added(sample).replace('/17"\n', '/17",\n'))).toBe(sample);
  });

  test("other groups take the place of those before; somebody's node is kept, and then the list too", () => {
    const moved = withDeviceNodes(added(sample), {
      add: ["/dev/vfio/vfio", "/dev/vfio/9"],
      remove: ["/dev/vfio/17"],
    });
    expect(deviceNodes(moved)?.slice(-2)).toEqual(["/dev/vfio/vfio", "/dev/vfio/9"]);
    expect(removed(moved, ["/dev/vfio/vfio", "/dev/vfio/9"])).toBe(sample);
    const theirs = added(moved, ["/dev/nvidia0"]);
    const left = removed(theirs, ["/dev/vfio/vfio", "/dev/vfio/9"]);
    expect(deviceNodes(left)).toEqual([...(deviceNodes(added(sample)) ?? []).slice(0, -2), "/dev/nvidia0"]);
    expect(left).not.toContain("cdktf-passthrough");
  });
});

describe("an administrator's list", () => {
  test.each([
    [
      "a line each",
      'cgroup_device_acl = [\n  "/dev/null", # no comment may stand here\n]\n',
      /line 2: expected a text/,
    ],
    ["no list", 'cgroup_device_acl = "/dev/null"\n', /line 1: expected a list of device nodes/],
    ["numbers", "cgroup_device_acl = [ 1, 2 ]\n", /line 1: expected a text/],
    ["not closed", 'cgroup_device_acl = [ "/dev/null"\n', /line 2: expected `,` or `\]`/],
    ["no comma", 'cgroup_device_acl = [ "/dev/null" "/dev/zero" ]\n', /expected `,` or `\]`/],
    [
      "two",
      'cgroup_device_acl = []\n\ncgroup_device_acl = ["/dev/null"]\n',
      /more than once \(lines 1 and 3\)/,
    ],
    [
      "another line that libvirt cannot read",
      "vnc_password = s3cret\n",
      /^(?!.*s3cret).*line 1: expected a value/,
    ],
    ["no assignment", "cgroup_device_acl\n", /line 1: expected `=`/],
    ["open quotes", 'user = "root\ngroup = "root"\n', /line 1: expected a value/],
  ])("is not touched where it cannot be edited safely: %s", (_, text, words) => {
    expect(() => added(text)).toThrow(words);
    expect(() => removed(text)).toThrow(words);
    expect(() => deviceNodes(text)).toThrow(words);
  });

  test.each([
    ["empty", "cgroup_device_acl = [ ]\n"],
    ["one line", `cgroup_device_acl=["/dev/null",'/dev/zero'] # mine\nuser = "root"\n`],
    ["a comma at its end", 'cgroup_device_acl = [\n    "/dev/null",\n    "/dev/zero",\n]\n'],
    ["without an end of line", 'cgroup_device_acl = [ """/dev/null""" ]'],
    [
      "behind a text that looks like it",
      `note = """\ncgroup_device_acl = [ "/dev/x" ]\n"""; cgroup_device_acl = ["/dev/null"]\n`,
    ],
    ["with carriage returns", 'cgroup_device_acl = [\r\n  "/dev/null"\r\n]\r\nuser = "root"\r\n'],
    [
      "numbers and lists besides",
      'max_files = 10\nlow = -1\ncgroup_controllers = [ "cpu", [ 1 ], ]\ncgroup_device_acl = ["/dev/null"]\n',
    ],
  ])("gets our nodes behind its own, and is given back byte for byte: %s", (_, text) => {
    const before = deviceNodes(text) ?? [];
    expect(before).not.toContain("/dev/x");
    const after = added(text);
    expect(deviceNodes(after)).toEqual([...before, ...ours]);
    expect(removed(after)).toBe(text);
    expect(added(after)).toBe(after);
  });

  test("only node of all with a comma behind it: what is left can be read", () => {
    const text = 'cgroup_device_acl = [ "/dev/vfio/17" , ]\n';
    expect(deviceNodes(removed(text, ["/dev/vfio/17"]))).toEqual([]);
    expect(
      deviceNodes(removed('cgroup_device_acl = [ "/dev/vfio/17", "/dev/a" ]', ["/dev/vfio/17"])),
    ).toEqual(["/dev/a"]);
  });

  const node = fc.stringMatching(/^\/dev\/[a-z0-9/]{1,12}$/);
  const gap = fc.stringMatching(/^[ \t\n]{0,3}$/);
  const quotes = fc.constantFrom('"', "'", '"""');
  const list = fc
    .tuple(fc.uniqueArray(node, { maxLength: 6 }), gap, quotes, fc.boolean())
    .map(([nodes, blank, quote, comma]) => ({
      nodes: nodes.filter((one) => !one.startsWith("/dev/vfio/")),
      text: (kept: readonly string[]) =>
        `a = 1\ncgroup_device_acl = [${blank}${kept.map((one) => `${quote}${one}${quote}`).join(`${blank},${blank}`)}${
          comma && kept.length > 0 ? `${blank},` : ""
        }${blank}] # end\nb = "x"\n`,
    }));

  test("any list and any of our nodes: added, read and given back", () => {
    fc.assert(
      fc.property(
        list,
        fc.uniqueArray(fc.nat(300), { minLength: 1, maxLength: 5 }),
        ({ nodes, text }, groups) => {
          const before = text(nodes);
          const mine = groups.map((group) => `/dev/vfio/${group}`);
          const after = added(before, mine);
          expect(deviceNodes(after)).toEqual([...nodes, ...mine]);
          expect(removed(after, mine)).toBe(before);
          expect(removed(after, [...mine].reverse())).toBe(before);
        },
      ),
    );
  });
});
