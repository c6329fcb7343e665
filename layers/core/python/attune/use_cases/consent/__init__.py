"""What people consent to: asked, shown, changed by themselves."""
