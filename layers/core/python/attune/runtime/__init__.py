"""The composition root: environment, clock, telemetry, and how the parts are put together."""
