"""Training: what needs pandas and scikit-learn. Models leave it as JSON, which `domain/learning/models.py` applies."""
