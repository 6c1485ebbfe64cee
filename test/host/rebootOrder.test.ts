import { rebootOrder } from "../../lib/host/rebootOrder";
import { defaultPreparation, type RebootPreparation } from "../../lib/model/rebootPreparation";

test.each([
  [{ host: "pve1" }, "npx passthrough reboot pve1"],
  [{ host: "10.0.0.11", user: "root", port: 2222 }, "npx passthrough reboot root@10.0.0.11 --port 2222"],
  [
    { host: "pve1", identityFile: "/home/me/my keys/id", hostKey: "SHA256:abc+/=" },
    "npx passthrough reboot pve1 --identity '/home/me/my keys/id' --host-key SHA256:abc+/=",
  ],
  [{ host: "$(touch x)", user: "a'b; c" }, `npx passthrough reboot 'a'\\''b; c@$(touch x)'`],
])("%j is ordered by words that a shell takes as they are", (connection, words) => {
  expect(rebootOrder(connection)).toBe(words);
});

test.each<[Partial<RebootPreparation>, string]>([
  [{}, ""],
  [{ shutdownTimeout: 0, busyTimeout: 1800 }, " --shutdown-timeout 0 --busy-timeout 1800"],
  [{ migrationTimeout: 60, immovable: "shut-down" }, " --migration-timeout 60 --shut-down-immovable"],
  [
    { migrateTo: "pve2", unresponsive: "power-off", despite: ["ceph", "nodes"] },
    " --power-off --migrate-to pve2 --despite ceph nodes",
  ],
])("what is declared to happen before it is part of the order: %j", (declared, words) => {
  expect(rebootOrder({ host: "pve1" }, { ...defaultPreparation, ...declared })).toBe(
    `npx passthrough reboot pve1${words}`,
  );
});
