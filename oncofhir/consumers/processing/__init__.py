"""One record from decode to completion: scheduling, the pipeline, retries, outages."""
