"""The routes of BizoSaaS' foundation as a FastAPI service: the peer that the benchmark compares with."""
