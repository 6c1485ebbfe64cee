import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { proxmoxAmd } from "../../lib/embedded/profiles/proxmoxAmd";
import { script } from "./client";
import { hosts } from "./hosts";

const start = hosts();
const card = "id=10de:2204,iommugroup=14,node=pve1,path=0000:01:00,subsystem-id=1043:87d3";
const twin = "id=10de:2204,iommugroup=15,node=pve1,path=0000:02:00,subsystem-id=1043:87d3";

describe("pvesh and resource mappings", () => {
  let host: EmbeddedHost;
  const file = () => readFileSync(join(host.root, "etc/pve/mapping/pci.cfg"), "utf8");
  beforeAll(async () => {
    host = await start({ profile: { ...proxmoxAmd, iommu: () => "all" } });
  });

  it("creates, shows, changes and deletes one", async () => {
    const create = `pvesh create /cluster/mapping/pci --id gpu --map ${card} --map=${twin} --description='two -x'`;
    expect(await script(host, create)).toMatchObject({ code: 0, stdout: "" });
    expect(file()).toContain(`gpu\n\tdescription two -x\n\tmap ${card}\n\tmap ${twin}\n\nspare-nvme\n`);

    const shown = await script(host, "pvesh get /cluster/mapping/pci/gpu --output-format json");
    const { digest, ...mapping } = JSON.parse(shown.stdout) as { digest: string };
    expect(mapping).toEqual({ description: "two -x", map: [card, twin] });

    const set = `pvesh set /cluster/mapping/pci/gpu --map=${twin} --mdev=1 --delete=description --digest=`;
    expect(await script(host, `${set}${"0".repeat(40)}`)).toMatchObject({
      code: 255,
      stderr: expect.stringContaining(
        "detected modified configuration - file changed by other user?",
      ) as string,
    });
    expect(await script(host, `${set}${digest}`)).toMatchObject({ code: 0 });
    expect(file()).toContain(`gpu\n\tmdev 1\n\tmap ${twin}\n\n`);

    expect(await script(host, "pvesh delete /cluster/mapping/pci/gpu")).toMatchObject({ code: 0 });
    expect(file()).not.toContain("gpu");
  });

  it.each([
    ["create /cluster/mapping/pci --id=gpu", "missing value for required option 'map'"],
    [`create /cluster/mapping/pci --map=${card}`, "id: property is missing and it is not optional"],
    [`create /cluster/mapping/pci --id=1x --map=${card}`, "id: invalid configuration ID '1x'"],
    [`create /cluster/mapping/pci --id=spare-nvme --map=${card}`, "pci ID 'spare-nvme' already defined"],
    [
      "create /cluster/mapping/pci --id=x1 --map=id=10de:2204,path=0000:01:00",
      "map[0].node: property is missing",
    ],
    [
      "create /cluster/mapping/pci --id=x1 --map=node=pve1,id=10de,path=0000:01:00",
      "map[0].id: value does not match",
    ],
    [
      "create /cluster/mapping/pci --id=x1 --map=node=pve1,id=10de:1,path=1",
      "map[0].path: value does not match",
    ],
    [`create /cluster/mapping/pci --id=x1 --map=${card},x=1`, "map[0].x: property is not defined in schema"],
    [`create /cluster/mapping/pci --id=x1 --map=${card} --mdev=maybe`, "mdev: type check ('boolean') failed"],
    [`create /cluster/mapping/usb --id=x1 --map=node=pve1,id=046b:ff10 --mdev=1`, "Unknown option: mdev"],
    [`set /cluster/mapping/pci/none --map=${card}`, "pci ID 'none' does not exist"],
    [`set /cluster/mapping/pci/spare-nvme --mdev=1`, "missing value for required option 'map'"],
    ["get /cluster/mapping/pci/none", "mapping 'none' not found"],
    ["create /cluster/mapping/pci/gpu", "No 'create' handler defined for"],
  ])("refuses %s", async (call, words) => {
    const before = file();
    const { code, stderr } = await script(host, `pvesh ${call}`);
    expect(code).not.toBe(0);
    expect(stderr).toContain(words);
    expect(file()).toBe(before);
  });

  it("gives a VM a free device of its mapping, and none that is not what it says", async () => {
    const ran = await script(
      host,
      `pvesh create /cluster/mapping/pci --id gpu --map=${card} --map=${twin}; qm unlock 102
      qm set 100 --hostpci0 mapping=gpu; qm set 102 --hostpci0 mapping=gpu; qm start 100 && qm start 102
      cat "$PASSTHROUGH_ROOT/run/qemu-server/pci-id-reservations"`,
    );
    expect(ran.stdout).toContain("0000:01:00.0 100\n0000:01:00.1 100\n0000:02:00.0 102\n0000:02:00.1 102\n");
    const changed = await script(
      host,
      `qm stop 100; pvesh set /cluster/mapping/pci/gpu --map=${card.replace("=14", "=3")}; qm start 100`,
    );
    expect(changed.stderr).toContain("'iommugroup' does not match for 'gpu' (14 != 3)");
  });
});
