import { parsePciAddress } from "./pciAddress";
import type { VirtualFunctionsDeclaration } from "./virtualFunctions";

export interface SettingProblem {
  readonly of: "name" | "of" | "function_count" | "settings";
  readonly words: string;
}

const macForm = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/** What is wrong with a declaration whatever its host is. */
export function settingProblems({
  name,
  of,
  count,
  settings,
}: VirtualFunctionsDeclaration): SettingProblem[] {
  const macs = new Map<string, string>();
  return [
    ...(name === ""
      ? [
          {
            of: "name" as const,
            words: "The name is empty. Expected one that tells them from others of the host.",
          },
        ]
      : []),
    ...addressProblem(of),
    ...(Number.isInteger(count) && count >= 1
      ? []
      : [
          {
            of: "function_count" as const,
            words: `${count} is not a count. Expected a whole number from 1.`,
          },
        ]),
    ...Object.entries(settings).flatMap(([number, { mac, vlan }]) => {
      const problems = [
        /^(?:0|[1-9]\d*)$/.test(number) && Number(number) < count
          ? null
          : `There is no function ${JSON.stringify(number)}. Expected a number from 0 to ${count - 1}.`,
        mac === null || isStation(mac)
          ? null
          : `${JSON.stringify(mac)} is no MAC address of one station. Expected six pairs of hex digits, the first even, such as 52:54:00:12:34:56.`,
        vlan === null || (Number.isInteger(vlan) && vlan >= 0 && vlan <= 4094)
          ? null
          : `${vlan} is no VLAN. Expected a whole number from 1 to 4094, or 0 for none.`,
        mac === null ? null : takenTwice(macs, mac.toLowerCase(), number),
      ];
      return problems.flatMap((words) => (words === null ? [] : [{ of: "settings" as const, words }]));
    }),
  ];
}

function addressProblem(of: string): SettingProblem[] {
  try {
    if (parsePciAddress(of).function !== null) return [];
    return [
      {
        of: "of",
        words: `${JSON.stringify(of)} names a slot. Expected one function, such as ${of}.0: each makes its own virtual ones.`,
      },
    ];
  } catch (error) {
    return [{ of: "of", words: error instanceof Error ? error.message : String(error) }];
  }
}

/** No group address, and not all zeros, which cards take for none. */
function isStation(mac: string): boolean {
  return macForm.test(mac) && parseInt(mac.slice(0, 2), 16) % 2 === 0 && !/^[0:]+$/.test(mac);
}

function takenTwice(taken: Map<string, string>, mac: string, number: string): string | null {
  const other = taken.get(mac);
  taken.set(mac, other ?? number);
  return other === undefined ? null : `Functions ${other} and ${number} both have the MAC address ${mac}.`;
}
