"""Rules: order metrics, lifecycle, value, tags, RFM and churn."""
