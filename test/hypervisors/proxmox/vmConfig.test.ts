import * as fc from "fast-check";
import { configured, parseVmConfig } from "../../../lib/hypervisors/proxmox/vmConfig";
import { golden } from "./node";

const config = parseVmConfig(golden("workstation"));

describe("parseVmConfig", () => {
  it("reads the main section as it stands", () => {
    expect(config.current).toMatchObject({
      args: "-cpu 'host,+kvm_pv_unhalt'",
      boot: "order=scsi0;ide2;net0",
      hostpci0: "0000:01:00,pcie=1,x-vga=1",
      name: "workstation",
      usb0: "host=046d:c52b",
    });
  });

  it("leaves the description out, whatever it says", () => {
    expect(config.current).not.toHaveProperty("hostpci9");
    expect(parseVmConfig("#lock: backup\nname: a\n").current).toEqual({ name: "a" });
  });

  it("reads what is pending, and what goes", () => {
    expect(config.pending).toEqual({
      usb0: null,
      hostpci0: "0000:02:00,pcie=1",
      hostpci2: "0000:03:00.0",
    });
  });

  it.each([
    ["delete: usb0,hostpci0", ["usb0", "hostpci0"]],
    ["delete: usb0 hostpci0", ["usb0", "hostpci0"]],
    ["delete: !scsi1,net1", ["scsi1", "net1"]],
  ])("reads %p", (line, keys) => {
    const { pending } = parseVmConfig(`name: a\n\n[PENDING]\n${line}\n`);
    expect(pending).toEqual(Object.fromEntries(keys.map((key) => [key, null])));
  });

  it("keeps snapshots apart, and Proxmox VE's own notes out", () => {
    expect(Object.keys(config.snapshots)).toEqual(["before-update"]);
    expect(config.snapshots["before-update"]).toMatchObject({ hostpci0: "0000:01:00", bios: "seabios" });
    expect(config.current).not.toHaveProperty("ciuser");
    expect(config.current).not.toHaveProperty("snaptime");
  });

  it("counts what is pending as configured", () => {
    const now = configured(config);
    expect(now["hostpci0"]).toBe("0000:02:00,pcie=1");
    expect(now["hostpci2"]).toBe("0000:03:00.0");
    expect(now["hostpci1"]).toBe("mapping=nic,pcie=1");
    expect(now).not.toHaveProperty("usb0");
  });

  it("takes an empty file", () => {
    expect(parseVmConfig("")).toEqual({ current: {}, pending: {}, snapshots: {} });
  });

  it("never fails, whatever the file says", () => {
    fc.assert(fc.property(fc.string(), (text) => configured(parseVmConfig(text)) !== undefined));
  });

  it("reads back every setting that was written", () => {
    const settings = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,8}\d{0,2}$/).filter((key) => key !== "delete"),
      fc.stringMatching(/^[!-~]([ -~]*[!-~])?$/),
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(settings, settings, (main, pending) => {
        const print = (of: Record<string, string>) =>
          Object.entries(of)
            .map(([key, value]) => `${key}: ${value}\n`)
            .join("");
        const read = parseVmConfig(`${print(main)}\n[PENDING]\n${print(pending)}\n[snap]\nname: other\n`);
        expect(read.current).toEqual(main);
        expect(read.pending).toEqual(pending);
        expect(configured(read)).toEqual({ ...main, ...pending });
      }),
    );
  });
});
