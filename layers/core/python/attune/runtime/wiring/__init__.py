"""One module for each function: builds its use case from its settings. Constructors are the injection."""
