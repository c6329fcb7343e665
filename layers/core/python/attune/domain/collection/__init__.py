"""An input on its way in: its values in one form, its tracking plan, how much may come, what is put aside."""
