/**
 * Pictures of two embedded hosts, as they are kept in the repository; `UPDATE_GOLDEN=1 npx jest test/map/golden` draws
 * them anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DOMParser } from "@xmldom/xmldom";
import type { EmbeddedHost } from "../../lib/embedded";
import { createHost } from "../../lib/host/host";
import { createSession } from "../../lib/host/session";
import { claims } from "../../lib/hypervisors/registry";
import { inspection } from "../../lib/map/inspection";
import { pictureOfHosts } from "../../lib/map/picture";
import { svgOf } from "../../lib/map/svg";
import { hosts } from "../embedded/hosts";
import { sh } from "../support/byHand";
import { connect } from "../support/rig";

const start = hosts();

async function drawn(host: EmbeddedHost): Promise<string> {
  const session = createHost("host", createSession("host", connect(host)));
  try {
    const facts = await session.probe();
    return svgOf(pictureOfHosts([inspection(facts, claims(facts))]));
  } finally {
    await session.close();
  }
}

function expectGolden(svg: string, ...path: string[]): void {
  const file = join(__dirname, "..", "..", ...path);
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(file, svg);
  expect(svg).toBe(readFileSync(file, "utf8"));
  const document = new DOMParser().parseFromString(svg, "image/svg+xml");
  expect(document.documentElement?.localName).toBe("svg");
}

test("a Proxmox VE host that has handed a card to a VM: the picture of the documentation", async () => {
  const host = await start({ profile: "proxmox-amd" });
  await sh(host, `echo 'GRUB_CMDLINE_LINUX_DEFAULT="quiet iommu=pt"' > /etc/default/grub.d/zz-iommu.cfg`);
  await sh(host, "update-grub");
  await host.reboot();
  await sh(host, "modprobe vfio-pci");
  for (const address of ["0000:01:00.0", "0000:01:00.1", "0000:06:00.0"]) {
    const device = `/sys/bus/pci/devices/${address}`;
    await sh(
      host,
      `echo vfio-pci | tee ${device}/driver_override && echo ${address} | tee ${device}/driver/unbind && echo ${address} | tee /sys/bus/pci/drivers_probe`,
    );
  }
  await sh(host, "qm set 100 --hostpci0 0000:01:00,pcie=1");
  expectGolden(await drawn(host), "docs", "images", "map.svg");
});

test("a Debian host whose processor graphics have no group", async () => {
  const host = await start({ profile: "debian-intel" });
  expectGolden(await drawn(host), "test", "map", "golden", "debian-intel.svg");
});
