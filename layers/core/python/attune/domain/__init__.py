"""Pure rules: no AWS, no clock, no environment, no logging. Time enters as an argument, in milliseconds."""
