import { checkNames, obstacles } from "../../lib/model/rebootChecks";
import { parsePreparation } from "../../lib/model/rebootPreparation";
import type { ClusterSurvey, RebootSurvey } from "../../lib/model/survey";
import { rebootCheckNames } from "../../lib/schema";
import { rebootSurvey } from "../support/survey";

const node = (name: string, online = true) => ({ name, online, local: name === "pve1" });
const cluster = (found: Partial<ClusterSurvey>): Partial<RebootSurvey> => ({
  proxmox: {
    tasks: [],
    ha: null,
    cluster: { quorate: true, nodes: [node("pve1"), node("pve2"), node("pve3")], votes: null, ...found },
  },
});

test("nothing speaks against the reboot of a host on its own", () => {
  expect(obstacles(rebootSurvey())).toEqual([]);
});

test.each<[string, Partial<RebootSurvey>, RegExp[]]>([
  ["a kernel for kexec", { kexecLoaded: true }, [/kexec -u/]],
  ["three nodes", cluster({}), []],
  ["two nodes", cluster({ nodes: [node("pve1"), node("pve2")] }), [/without quorum meanwhile: 1 of the 2/]],
  [
    "two nodes and a quorum device",
    cluster({ nodes: [node("pve1"), node("pve2")], votes: { total: 3, quorum: 2, own: 1 } }),
    [],
  ],
  ["a node with two votes", cluster({ votes: { total: 4, quorum: 3, own: 2 } }), [/2 of the 3 votes/]],
  ["no quorum", cluster({ quorate: false }), [/read-only/]],
  [
    "a node that is down",
    cluster({ nodes: [node("pve1"), node("pve2"), node("pve3"), node("pve4", false)] }),
    [/without quorum meanwhile: 2 of the 3/, /pve4 of the cluster is offline/],
  ],
  [
    "dpkg at work",
    { packageLocks: ["/var/lib/dpkg/lock-frontend"] },
    [/holds \/var\/lib\/dpkg\/lock-frontend/],
  ],
  [
    "Ceph in error",
    { ceph: { health: "HEALTH_ERR 1 full osd(s)", noout: false, unstoppable: "" } },
    [/Ceph says HEALTH_ERR/],
  ],
  ["Ceph with a warning", { ceph: { health: "HEALTH_WARN", noout: false, unstoppable: "" } }, []],
  [
    "a command that fails",
    { complaints: ["pvesh get /cluster/status: ipcc_send_rec failed"] },
    [/does not tell its state/],
  ],
])("%s", (_what, survey, words) => {
  expect(obstacles(rebootSurvey(survey)).map((obstacle) => obstacle.words)).toEqual(
    words.map((pattern) => expect.stringMatching(pattern)),
  );
});

test("the author may name every check", () => {
  expect([...rebootCheckNames].sort()).toEqual([...checkNames].sort());
});

test.each([
  '{"shutdownTimeout":"1"}',
  '{"migrateTo":"-x"}',
  '{"despite":["all"]}',
  '{"constructor":1}',
  "[]",
  "null",
])("%s is no preparation", (json) => {
  expect(() => parsePreparation(json)).toThrow();
});
