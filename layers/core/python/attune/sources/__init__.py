"""Outside formats turned into events: one module for each, knowing the domain and nothing else of ours."""
