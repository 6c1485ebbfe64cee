import { join } from "node:path";
import { placeProvider } from "./mirror";
import { Terraform } from "./terraform";

jest.setTimeout(120_000);

const configuration = (trigger: string) => `
  terraform {
    required_providers {
      null = { source = "hashicorp/null", version = "~> 3.2" }
    }
  }
  resource "null_resource" "a" {
    triggers = { generation = "${trigger}" }
    provisioner "local-exec" { command = "echo ran for ${trigger}" }
  }
  resource "null_resource" "b" {
    triggers = { a = null_resource.a.id }
  }
  resource "null_resource" "c" {}`;

let terraform: Terraform;
beforeAll(() => {
  terraform = new Terraform();
  placeProvider(terraform.directory, {
    entry: join(__dirname, "nullProvider.ts"),
    source: "registry.terraform.io/hashicorp/null",
    version: "3.2.4",
  });
});
afterAll(() => terraform.remove());

test("given the stand-in for hashicorp/null, then only a changed trigger makes a resource anew", async () => {
  terraform.write(configuration("one"));
  await terraform.init();

  expect(await terraform.apply()).toContain("ran for one");
  expect(await terraform.plan()).toMatchObject({ changes: false });
  const { "null_resource.a": before } = await terraform.resources();

  terraform.write(configuration("two"));
  const applied = await terraform.apply();
  const { "null_resource.a": after, "null_resource.b": follower } = await terraform.resources();

  expect(applied).toContain("ran for two");
  expect(applied).toContain("2 added, 0 changed, 2 destroyed");
  expect(after?.values["id"]).not.toBe(before?.values["id"]);
  expect(follower?.values["triggers"]).toEqual({ a: after?.values["id"] });
  expect(await terraform.apply("-destroy")).toContain("3 destroyed");
});
