"""Attune: first-party customer data, exact segments and campaigns in one AWS account."""
