/** What is looked at before a reboot, by the name that an author may go on despite. */
export const rebootCheckNames = [
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
