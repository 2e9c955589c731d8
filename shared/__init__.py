"""The product: rules, use cases, repositories, adapters, runtime and the playbook."""
