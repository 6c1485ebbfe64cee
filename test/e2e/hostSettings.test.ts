/** Settings that are declared by name, from the construct to the booted kernel, and back again. */
import { IommuHost } from "../../lib";
import type { HostSettings } from "../../lib/model/hostSettings";
import { hosts } from "../embedded/hosts";
import { BareHost } from "../support/bareHost";
import { sh } from "../support/byHand";
import { bootDeclaration } from "../support/declaration";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const start = hosts();

const common: HostSettings = {
  iommuMode: "passthrough",
  hugepages: { defaultSize: "1G", pools: { "1G": 8, "2M": 8 } },
  kvm: { ignoreMsrs: true, nested: true },
  disableVga: true,
  disabledModules: ["bonding"],
  initramfsModules: ["snd_hda_intel"],
};
const pages = "default_hugepagesz=1G hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=8";

describe.each<[string, HostSettings, string, string]>([
  [
    "proxmox-9-two-esps",
    { acsOverride: ["downstream"] },
    "pcie_acs_override=downstream",
    "/boot/initrd.img-*",
  ],
  ["fedora", { dracutDrivers: { load: ["vfio-pci"] } }, "rd.driver.pre=vfio-pci", "/boot/initramfs-6*.img"],
  ["arch-grub", {}, "iommu=pt", "/boot/initramfs-linux.img"],
])("%s", (profile, own, parameter, images) => {
  test("boots with them, stays, and gives all of it back", async () => {
    const embedded = await start({ profile });
    const host = new BareHost(embedded, bootDeclaration({ settings: { ...common, ...own } }));
    const before = filesOf(embedded);

    await host.configure();
    expect(await sh(embedded, "cat /sys/module/kvm/parameters/ignore_msrs || echo none")).toMatch(
      /^(Y|none)/,
    );
    expect(await host.reboot()).toContain("proven");

    const line = fileOf(embedded, "/proc/cmdline") ?? "";
    for (const words of ["iommu=pt", pages, parameter]) expect(` ${line.trim()} `).toContain(` ${words} `);
    expect(await sh(embedded, "modprobe bonding; [ -e /sys/module/bonding ] || echo kept out")).toContain(
      "kept out",
    );
    expect(
      await sh(embedded, "modprobe vfio-pci; cat /sys/module/vfio_pci/parameters/disable_vga"),
    ).toContain("Y");
    expect(await sh(embedded, `cat ${images}`)).toMatch(/snd[-_]hda[-_]intel/);
    const settled = await host.look();
    expect(settled.decision).toMatchObject({ writes: [], reboot: { required: false } });

    await host.destroy();
    expect(filesOf(embedded)).toEqual(before);
  });
});

describe("the plan", () => {
  const rig = new Rig();
  afterAll(() => rig.close());

  test("says what they open, what the firmware lacks, and refuses what the host cannot have", async () => {
    const [pve, debian] = [
      await rig.host("proxmox-intel-systemd-boot", "pve"),
      await rig.host("debian-intel", "debian"),
    ];
    debian.setFaults({ iommuOffInFirmware: true });
    await debian.reboot();
    const stack = (acs: boolean) =>
      rig.stack((of) => {
        new IommuHost(of, "pve1", {
          connection: connect(pve),
          iommuMode: "passthrough",
          acsOverride: ["downstream", "multifunction"],
          hugepages: { pools: { "1G": 115 } },
          kvm: { ignoreMsrs: true },
        });
        new IommuHost(of, "deb1", {
          connection: connect(debian),
          ...(acs ? { acsOverride: ["downstream"] as const } : {}),
        });
      });

    await stack(true);
    const refused = await rig.refusal("plan");
    expect(refused).toMatch(/Unable to configure deb1 .* is not known to carry the ACS override patch/);

    await stack(false);
    const { text, changes } = await rig.plan();
    const said = flowing(text);
    expect(said).toContain("pve1 will take devices for isolated that may not be");
    expect(said).toMatch(
      /pve1 keeps little memory for itself .*take 115\.0 GiB, and the host has 125\.0 GiB/,
    );
    expect(said).toMatch(/The firmware of \S+ offers no IOMMU .*no DMAR table.*Switch on VT-d/);
    expect(changes["passthrough_iommu_host.pve1"]?.after).toMatchObject({
      iommu_mode: "passthrough",
      acs_override: ["downstream", "multifunction"],
      hugepages: { default_size: null, pools: { "1G": 115 } },
      reboot_required: true,
      reboot_reason: expect.stringContaining("pcie_acs_override=downstream,multifunction"),
      files: expect.objectContaining({
        "/etc/modprobe.d/zz-cdktf-passthrough.conf": "options kvm ignore_msrs=1\n",
      }),
    });
  });
});
