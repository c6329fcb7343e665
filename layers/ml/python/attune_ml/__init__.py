"""Training: what needs pandas and scikit-learn. Models leave it as JSON, which `attune.domain.models` applies."""
