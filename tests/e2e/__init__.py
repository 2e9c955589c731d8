"""The unmodified stacks, deployed by the CDK onto an emulator and used over HTTP."""
