import type { Problem } from "../../types";
import { isQ35 } from "../vmSettings";
import { error, type Context } from "./context";

export function pcieNeedsQ35({ after, pci, title }: Context): Problem[] {
  if (isQ35(after["machine"])) return [];
  return pci
    .filter(({ options }) => options["pcie"] === "1")
    .map(({ key }) =>
      error(
        `${key} of ${title} needs machine q35`,
        `pcie presents the device as PCI Express; the VM's machine is ${after["machine"] ?? "pc (i440fx, the default)"}, ` +
          'which has no PCI Express, and Proxmox VE refuses to start it. Declare machine: "q35", or leave pcie out.',
        key,
      ),
    );
}

export function onePrimaryDisplay({ pci, title }: Context): Problem[] {
  const primary = pci.filter(({ options }) => options["x-vga"] === "1").map(({ key }) => key);
  if (primary.length < 2) return [];
  return primary
    .slice(1)
    .map((key) =>
      error(
        `${title} has more than one primary display`,
        `x-vga is set on ${primary.join(" and ")}; a guest has one primary display. Leave it on one of them.`,
        key,
      ),
    );
}

export function mediatedDevices({ pci, title }: Context): Problem[] {
  return pci
    .filter(({ options, functions: named }) => options["mdev"] !== undefined && named.length > 1)
    .map(({ key, functions: named }) =>
      error(
        `${key} of ${title} is a mediated device of several functions`,
        `mdev makes its device on one function, and the slot names ${named.join(", ")}. Name the one function, such as ${named[0] ?? ""}.`,
        key,
      ),
    );
}

export function legacyIgd({ after, pci, title }: Context): Problem[] {
  const legacy = pci.filter(({ options }) => options["legacy-igd"] === "1");
  return legacy.flatMap(({ key, options, functions: named }, at) => {
    const against: readonly (readonly [boolean, string])[] = [
      [isQ35(after["machine"]), `machine pc (i440fx), and the VM's is ${after["machine"] ?? ""}`],
      [after["vga"] !== "none", `vga none, and the VM's is ${after["vga"] ?? "the default"}`],
      [options["rombar"] === "0", "the option ROM (rombar), which is off"],
      [options["x-vga"] === "1", "a slot without x-vga"],
      [options["mdev"] !== undefined, "a slot without mdev"],
      [named.length > 1, `one function, and the slot names ${named.join(", ")}`],
      [
        named.some((address) => !address.endsWith("02.0")),
        `the graphics at 00:02.0, and the slot names ${named.join(", ")}`,
      ],
      [at > 0, `to be the only one, and ${legacy[0]?.key ?? ""} has it too`],
    ];
    return against
      .filter(([holds]) => holds)
      .map(([, need]) =>
        error(`${key} of ${title} cannot be in legacy IGD mode`, `Legacy mode needs ${need}.`, key),
      );
  });
}
