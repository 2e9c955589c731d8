"""What a door uses at one moment, made from playbook and wiring."""
