/** A host of our own, so that Terraform and OpenTofu look for the provider in the same place and in no registry. */
export const providerSource = "cdktf-passthrough.local/cdktf/passthrough";
