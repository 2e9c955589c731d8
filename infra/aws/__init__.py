"""The plan built on AWS with the CDK."""

import os

# The CDK's Python side warns at every start that an older Node is past its end of life; it names majors, not a yes.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20,22,24")
os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
