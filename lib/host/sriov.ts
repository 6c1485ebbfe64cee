import type { SriovFacts, VirtualFunctionFacts } from "../model/facts";

type Rows = readonly (readonly string[])[];

/** What the probe says of physical functions, of their virtual ones, and `ip -o link show` of their interfaces. */
export interface SriovRecords {
  readonly physical: Rows;
  readonly virtual: Rows;
  readonly links: Rows;
}

export function parseSriov({ physical, virtual, links }: SriovRecords): Record<string, SriovFacts> {
  const shown = new Map(links.map(([address = "", ...line]) => [address, parseLink(line.join("\t"))]));
  return Object.fromEntries(
    physical.map(([address = "", total, count, offset, stride, device = "", autoprobe, port]) => [
      address,
      {
        total: Number(total) || 0,
        count: Number(count) || 0,
        offset: Number(offset) || 0,
        stride: Number(stride) || 0,
        device: device === "" ? "" : device.replace(/^0x/, "").padStart(4, "0"),
        autoprobe: autoprobe !== "0",
        port: port || null,
        functions: Object.fromEntries(
          virtual
            .filter(([owner]) => owner === address)
            .map(([, number = "", at = ""]) => [
              number,
              { address: at, ...(shown.get(address)?.[number] ?? untold) },
            ]),
        ),
      },
    ]),
  );
}

type Settings = Omit<VirtualFunctionFacts, "address">;

const untold: Settings = { mac: null, vlan: null, trust: null, spoofCheck: null };

/**
 * The virtual functions in one line of `ip -o link show`, by number. iproute2 before 5.0 writes `MAC` where later ones
 * write `link/ether`; it prints no VLAN for none, and nothing that the driver does not tell.
 */
export function parseLink(line: string): Record<string, Settings> {
  return Object.fromEntries(
    line.split("\\").flatMap((part) => {
      const [, number, rest = ""] = /^\s*vf (\d+)\s+(.*)$/.exec(part) ?? [];
      if (number === undefined) return [];
      const [, mac] = /^(?:MAC|link\/ether) ([0-9a-f]{2}(?::[0-9a-f]{2}){5})(?![:\w])/i.exec(rest) ?? [];
      const [, vlan] = /, vlan (\d+)/.exec(rest) ?? [];
      return [
        [
          number,
          {
            mac: mac?.toLowerCase() ?? null,
            vlan: mac === undefined ? null : Number(vlan ?? 0),
            trust: flag(/, trust (on|off)/, rest),
            spoofCheck: flag(/, spoof checking (on|off)/, rest),
          },
        ],
      ];
    }),
  );
}

function flag(form: RegExp, text: string): boolean | null {
  const [, word] = form.exec(text) ?? [];
  return word === undefined ? null : word === "on";
}
