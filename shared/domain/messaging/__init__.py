"""Rules: policy, templates, channels, delivery and links of messages to customers."""
