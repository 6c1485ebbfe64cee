import { realpathSync } from "node:fs";
import { relative } from "node:path";
import { setVirtualFunctions } from "../kernel/sriov";
import { asKnown } from "../kernel/modules";
import { romOf } from "../kernel/rom";
import { KernelError } from "../kernel/errors";
import type { Machine } from "../machine";
import type { Program } from "./program";

type Write = (machine: Machine, names: readonly string[], value: string) => void;

const refused: Write = () => {
  throw new KernelError("Permission denied");
};

/** What the kernel does with a write, by the file's path below /sys. */
const writes: readonly (readonly [RegExp, Write])[] = [
  [
    /^devices\/.*\/([0-9a-f:.]+)\/driver_override$/,
    ({ drivers }, [address = ""], value) => drivers.setOverride(address, value),
  ],
  [
    /^devices\/.*\/([0-9a-f:.]+)\/sriov_numvfs$/,
    (machine, [address = ""], value) => setVirtualFunctions(machine, address, value),
  ],
  [
    /^devices\/.*\/([0-9a-f:.]+)\/sriov_drivers_autoprobe$/,
    ({ files }, [address = ""], value) =>
      files.write(`/sys/bus/pci/devices/${address}/sriov_drivers_autoprobe`, `${value}\n`),
  ],
  [/^bus\/pci\/drivers\/([^/]+)\/bind$/, ({ drivers }, [driver = ""], value) => drivers.bind(driver, value)],
  [
    /^bus\/pci\/drivers\/([^/]+)\/unbind$/,
    ({ drivers }, [driver = ""], value) => drivers.unbind(driver, value),
  ],
  [
    /^bus\/pci\/drivers\/([^/]+)\/new_id$/,
    ({ drivers }, [driver = ""], value) => drivers.addId(driver, value),
  ],
  [
    /^bus\/pci\/drivers\/([^/]+)\/remove_id$/,
    ({ drivers }, [driver = ""], value) => drivers.removeId(driver, value),
  ],
  [/^bus\/pci\/drivers_probe$/, ({ drivers }, [], value) => drivers.probe(value)],
  [
    /^bus\/pci\/drivers_autoprobe$/,
    ({ files }, [], value) => files.write("/sys/bus/pci/drivers_autoprobe", `${value}\n`),
  ],
  [/^devices\/.*\/([0-9a-f:.]+)\/rom$/, switchRom],
  [/^devices\/.*\/([0-9a-f:.]+)\/enable$/, switchDevice],
  [/^module\/([^/]+)\/parameters\/([^/]+)$/, writeParameter],
  [/./, refused],
];

function switchRom({ files, profile }: Machine, [address = ""]: readonly string[], value: string): void {
  const device = profile.devices.find((each) => each.address === address);
  if (device?.rom === undefined) throw new KernelError("No such file or directory");
  files.write(`/sys/bus/pci/devices/${address}/rom`, value === "0" ? "" : romOf(device));
}

/** By hand only while no driver has it. */
function switchDevice({ files }: Machine, [address = ""]: readonly string[], value: string): void {
  const folder = `/sys/bus/pci/devices/${address}`;
  if (files.exists(`${folder}/driver`)) throw new KernelError("Device or resource busy");
  files.write(`${folder}/enable`, `${value}\n`);
}

function writeParameter(
  { files }: Machine,
  [module = "", parameter = ""]: readonly string[],
  value: string,
): void {
  const path = `/sys/module/${module}/parameters/${parameter}`;
  files.write(path, `${asKnown(value, files.read(path)?.trim() ?? "")}\n`);
}

/** The kernel's side of `tee`: every write into /sys comes through here. */
export const tee: Program = ({ arguments: args, input }, machine) => {
  const paths = args.filter((argument) => !argument.startsWith("-"));
  const errors = paths.flatMap((path) => {
    const problem = writeOne(machine, path, input.replace(/\n$/, ""));
    return problem === null ? [] : [`tee: ${path}: ${problem}\n`];
  });
  machine.save();
  return { output: input, errors: errors.join(""), code: errors.length > 0 ? 1 : 0 };
};

function writeOne(machine: Machine, path: string, value: string): string | null {
  let below: string;
  try {
    below = relative(realpathSync(machine.files.at("/sys")), realpathSync(path));
  } catch {
    return "No such file or directory";
  }
  const [pattern, write] = writes.find(([form]) => form.test(below)) ?? [/^/, refused];
  const [, ...names] = pattern.exec(below) ?? [];
  try {
    write(machine, names, value);
    return null;
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
}
