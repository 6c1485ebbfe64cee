import { devDependencies, name as packageName, version } from "../../../package.json";
import type { Stack } from "./stack";

/** The files of a cdktf project around a stack, by name. */
export function projectFiles({ name, source }: Stack): Record<string, string> {
  const { cdktf, constructs, tsx, typescript } = devDependencies;
  return {
    "main.ts": source,
    "package.json": json({
      name,
      private: true,
      scripts: { diff: "cdktf diff", deploy: "cdktf deploy", destroy: "cdktf destroy" },
      dependencies: { cdktf, [packageName]: version, constructs },
      devDependencies: { "cdktf-cli": devDependencies["cdktf-cli"], tsx, typescript },
    }),
    "cdktf.json": json({
      language: "typescript",
      app: "npx tsx main.ts",
      projectId: name,
      sendCrashReports: "false",
    }),
    "tsconfig.json": json({
      compilerOptions: {
        target: "ES2022",
        module: "node16",
        moduleResolution: "node16",
        strict: true,
        noUncheckedIndexedAccess: true,
        noUnusedLocals: true,
        skipLibCheck: true,
        noEmit: true,
      },
    }),
    ".gitignore": ["node_modules/", "cdktf.out/", "terraform.*.tfstate*", ""].join("\n"),
  };
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
