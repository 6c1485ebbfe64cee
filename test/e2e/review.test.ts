/** A plan that the real Terraform has just made, reviewed from the folder that cdktf writes. */
import { join } from "node:path";
import type { HostReview, Review } from "../../lib/review/types";
import { review } from "../../lib/review/review";
import { cluster } from "../review/cases";
import { recorded } from "../review/recorded";
import { foreignIn } from "../review/rendered";
import { passthrough } from "../support/command";
import { Rig } from "../support/rig";

jest.setTimeout(240_000);

const rig = new Rig();
beforeAll(async () => {
  const pve1 = await rig.host("proxmox-amd", "a");
  const pve2 = await rig.host("proxmox-intel-systemd-boot", "b");
  await rig.stack(cluster(pve1, pve2));
  await rig.tf.succeed("plan", "-out=plan");
});
afterAll(() => rig.close());

const reviewed = (...args: readonly string[]) =>
  passthrough(["review", ...args, join(rig.folder, "cdktf.out")], { env: rig.tf.env });

/** What a change of the product may not change without a new recording. */
function essence({ verdict, summary, hosts }: Review) {
  const brief = ({ name, action, assumed, reboot, guests, devices, risks, drift }: HostReview) => ({
    ...{ name, action, assumed, reboot, guests, devices, risks, drift },
  });
  return { verdict, summary, hosts: hosts.map(brief) };
}

test("it says what the recorded plan of the same stack says", async () => {
  const { code, stdout, stderr } = await reviewed("--json");
  expect([code, stderr]).toEqual([0, ""]);
  expect(essence(JSON.parse(stdout) as Review)).toEqual(essence(review([recorded("create")])));
});

test("as a comment, nothing in it is foreign", async () => {
  const { code, stdout } = await reviewed();
  expect(code).toBe(0);
  expect(stdout).toContain(
    "## Passthrough: 2 hosts reboot, one after the other; 2 guests stop; 2 devices change hands",
  );
  expect(stdout).toContain(
    "| 2 | `pve2` | yes | `the running kernel lacks intel_iommu=on iommu=pt` | `200` |",
  );
  expect(foreignIn(stdout)).toEqual([]);
});
