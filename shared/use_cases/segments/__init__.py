"""Use cases: order metrics, lifecycle, value, tags, RFM and churn."""
