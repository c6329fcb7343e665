"""`make demo`: a shop's day on the local stack, told step by step, each step checked from outside."""

from local.demo.main import main

__all__ = ["main"]
