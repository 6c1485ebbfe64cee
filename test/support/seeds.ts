import { parseProbe, probeScript } from "../../lib/host/probe";
import type { CriticalUse, HostFacts } from "../../lib/model/facts";
import type { FakeRoot } from "./fakeRoot";

export async function probed(root: FakeRoot): Promise<HostFacts> {
  const { stdout, stderr } = await root.run(probeScript);
  return parseProbe(stdout, "pve1", stderr);
}

/** `address words`, with `(warning)` for what is not essential and `(boot)` for what no author can allow. */
export function inWords({ critical }: HostFacts, ...kinds: CriticalUse["kind"][]): string[] {
  return critical
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ address, use, essential, neededToBoot }) =>
      [address, use, ...(essential ? [] : ["(warning)"]), ...(neededToBoot ? ["(boot)"] : [])].join(" "),
    )
    .sort();
}

/** A disk on a controller of its own, `nvme<at>n1` at 0000:0<at>:00.0. */
export function nvme(root: FakeRoot, at: number): string {
  const controller = root.pci(`0000:0${at}:00.0`, { class: "010802", driver: "nvme" });
  return root.block(`nvme${at}n1`, `259:${at * 10}`, `${controller}/nvme/nvme${at}/nvme${at}n1`);
}

/** `/` on a disk that is on no PCI device. */
export function plainRoot(root: FakeRoot, ...more: string[]): void {
  root.block("mmcblk0", "179:0", "/sys/devices/platform/soc/mmc0/mmcblk0");
  root.mounts("27 1 179:0 / / rw - ext4 /dev/mmcblk0 rw", ...more);
}
