"""The plan, built on AWS and on the laptop."""
