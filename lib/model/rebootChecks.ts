import type { RebootSurvey } from "./survey";

/** What must not be so when a host reboots. The author may name a check to go on despite it. */
export const checkNames = [
  "quorum",
  "nodes",
  "ha",
  "ceph",
  "tasks",
  "packages",
  "inhibitors",
  "kexec",
  "answers",
] as const;
export type CheckName = (typeof checkNames)[number];

interface Check {
  /** It may pass by itself and is waited for; the others need somebody. */
  readonly passes: boolean;
  /** What speaks against the reboot, in words for the operator. */
  found(survey: RebootSurvey): string[];
}

/** A row for each; what they look for, with sources, is in docs/reboots.md. */
export const checks: Readonly<Record<CheckName, Check>> = {
  kexec: {
    passes: false,
    found: ({ kexecLoaded }) =>
      kexecLoaded
        ? [
            "a kernel is loaded for kexec, so that a reboot would go past the boot loader: unload it with `kexec -u`",
          ]
        : [],
  },
  quorum: {
    passes: false,
    found({ proxmox }) {
      const cluster = proxmox?.cluster ?? null;
      if (cluster === null) return [];
      if (!cluster.quorate) return ["the cluster has no quorum, so /etc/pve is read-only"];
      const { votes, nodes } = cluster;
      const left = votes ? votes.total - votes.own : nodes.filter(({ online }) => online).length - 1;
      const needed = votes ? votes.quorum : Math.floor(nodes.length / 2) + 1;
      return left < needed
        ? [`the cluster would be without quorum meanwhile: ${left} of the ${needed} votes needed remain`]
        : [];
    },
  },
  nodes: {
    passes: false,
    found({ proxmox }) {
      const down = (proxmox?.cluster?.nodes ?? []).filter(({ online }) => !online).map(({ name }) => name);
      return down.length > 0 ? [`${down.join(", ")} of the cluster is offline`] : [];
    },
  },
  ha: {
    passes: true,
    found: ({ proxmox }) =>
      (proxmox?.ha?.dead ?? []).map(
        (words) => `an agent of high availability does not answer, and its node may be fenced: ${words}`,
      ),
  },
  ceph: {
    passes: true,
    found({ ceph }) {
      if (ceph === null) return [];
      return [
        ...(ceph.health.startsWith("HEALTH_ERR") ? [`Ceph says ${ceph.health}`] : []),
        ...(ceph.unstoppable === ""
          ? []
          : [`Ceph cannot do without this host's daemons: ${ceph.unstoppable}`]),
      ];
    },
  },
  tasks: {
    passes: true,
    found: ({ proxmox }) =>
      (proxmox?.tasks ?? []).map(({ type, id }) => `task ${[type, id].filter(Boolean).join(" ")} runs`),
  },
  packages: {
    passes: true,
    found: ({ packageLocks }) => packageLocks.map((path) => `a package manager holds ${path}`),
  },
  inhibitors: {
    passes: true,
    found: ({ inhibitors }) => inhibitors.map((who) => `a shutdown is put off by ${who}`),
  },
  answers: {
    passes: true,
    found: ({ complaints }) => complaints.map((words) => `the host does not tell its state: ${words}`),
  },
};

export interface Obstacle {
  readonly check: CheckName;
  readonly passes: boolean;
  readonly words: string;
}

/** Everything that speaks against a reboot now. */
export function obstacles(survey: RebootSurvey): Obstacle[] {
  return checkNames.flatMap((check) =>
    checks[check].found(survey).map((words) => ({ check, passes: checks[check].passes, words })),
  );
}
