"""One module per function of the flow: load, ask the domain, save."""
