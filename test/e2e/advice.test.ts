/** What guides got wrong, found in the code and on the host, is said in the plan; nothing of others' is touched. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { IommuHost } from "../../lib";
import { connect, flowing, fileOf, Rig } from "../support/rig";

jest.setTimeout(240_000);

test("a plan warns, once, about the lines of the guides", async () => {
  const rig = new Rig();
  try {
    const host = await rig.host("proxmox-amd");
    const lines = {
      "etc/modprobe.d/guide.conf": "options pci_ids default_hugepagesz=2M\noptions vfio-pci ids=10de:2204\n",
      "etc/rc.local": "#!/bin/sh\necho 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/new_id\n",
    };
    for (const [path, text] of Object.entries(lines)) {
      mkdirSync(dirname(join(host.root, path)), { recursive: true });
      writeFileSync(join(host.root, path), text);
    }
    await rig.stack((stack) => {
      new IommuHost(stack, "pve1", {
        connection: connect(host),
        kernelParameters: ["amd_iommu=on"],
      });
    });

    const said = flowing((await rig.plan()).text);
    const warned = (line: string, words: string) =>
      expect(said.slice(said.indexOf(`Warning: pve1: ${line} with `))).toContain(words);
    warned("amd_iommu=on", "In kernelParameters. It does nothing");
    warned("options pci_ids default_hugepagesz=2M", "In /etc/modprobe.d/guide.conf. It does nothing");
    warned("options vfio-pci ids=10de:2204", "from the host at boot, which no binding names");
    warned("echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/new_id", "In /etc/rc.local:2. It does nothing");

    await rig.apply();
    expect(flowing((await rig.plan()).text)).not.toContain("Warning: pve1");
    for (const [path, text] of Object.entries(lines)) expect(fileOf(host, path)).toBe(text);
  } finally {
    await rig.close();
  }
});
