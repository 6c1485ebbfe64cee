import { isOlderThan } from "../kernelRelease";
import { addressInNewId } from "./modprobe";
import { nextRelease } from "./parameters";
import { scriptLines } from "./said";
import type { AdviceContext, AdviceRule, Finding } from "./types";

interface ScriptRule extends Omit<AdviceRule, "find"> {
  /** What is wrong with a line; null where it is right. */
  judge(line: string, context: AdviceContext): string | null;
}

const dracutList =
  /^\s*(add_drivers|force_drivers|omit_drivers|add_dracutmodules|install_items)\+=(["'])(.*)\2/;

const rules: readonly ScriptRule[] = [
  {
    name: "address-in-new-id",
    applies:
      "boot scripts (rc.local, what is named for vfio in /usr/local and in systemd) that write an address into new_id",
    source: "Linux, Documentation/ABI/testing/sysfs-bus-pci: new_id takes vendor and device",
    judge: addressInNewId,
  },
  {
    name: "escaped-variable",
    applies: "boot scripts that test a device's folder with an escaped variable (`\\$dev`)",
    source: "OpenNebula's guide to PCI passthrough, its vfio-bind script",
    judge: (line) =>
      /\/sys\/bus\/pci\/\S*\\\$\w+/.test(line)
        ? "never finds a device: the shell takes the escaped $ as it is, so that nothing is ever unbound. A VfioBinding takes the script's place"
        : null,
  },
  {
    name: "dracut-blanks",
    applies: "dracut settings that add to a list without blanks inside the quotes",
    source: "dracut, dracut.conf(5)",
    judge(line) {
      const [, setting, , value = ""] = dracutList.exec(line) ?? [];
      return setting !== undefined && value !== "" && !(/^\s/.test(value) && /\s$/.test(value))
        ? `may run into its neighbours: dracut joins what several lines add to ${setting}, so a blank belongs before the first name and after the last`
        : null;
    },
  },
  {
    name: "dracut-omits-vfio",
    applies: "dracut settings that leave modules of vfio out",
    source: "dracut, dracut.conf(5)",
    judge: (line) =>
      /^\s*omit_drivers\+?=.*\bvfio/.test(line)
        ? "keeps vfio out of the initramfs, and devices are held from boot on by it. Take it out"
        : null,
  },
  {
    name: "dracut-vfio-virqfd",
    applies: "dracut settings that name `vfio_virqfd`, with a kernel from 6.2 on",
    source: "Linux 6.2, drivers/vfio/Makefile: virqfd became a part of vfio",
    judge: (line, context) =>
      /^\s*(add|force)_drivers\+?=.*\bvfio[-_]virqfd\b/.test(line) && !isOlderThan(nextRelease(context), 6, 2)
        ? `names a module that Linux ${nextRelease(context)} does not have: it became a part of vfio in 6.2. dracut warns or fails for it`
        : null,
  },
];

export const scriptRules: readonly AdviceRule[] = rules.map(({ judge, ...rule }) => ({
  ...rule,
  find: (context) =>
    scriptLines(context).flatMap(({ where, text }): Finding[] => {
      const words = judge(text, context);
      return words === null ? [] : [{ where, text, words }];
    }),
}));
